/* Sines and powers of two from additions and multiplications alone, so that every IEEE 754 machine
 * and every C library gives the same bits. (libm may differ in the last bit between versions.) */
#ifndef LEIT_DATASETS_ETUDE_MATHS_H
#define LEIT_DATASETS_ETUDE_MATHS_H

#include <stdint.h>

#include "core/rng.h"

/* sin(2 pi turns); any finite argument below 2^31 in size. */
double leit_etude_sine(double turns);
/* 2^x for -60 <= x <= 60. */
double leit_etude_exp2(double x);
/* 10^(db / 20). */
double leit_etude_gain(double db);
/* Frequency of a MIDI pitch; 69 is 440 Hz. */
double leit_etude_hz(double pitch);
/* Mean 0, variance 1, at most 3.5 in size: the sum of four uniforms, which needs no logarithm. */
double leit_etude_normal(leit_rng *rng);

#endif
