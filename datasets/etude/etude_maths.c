#include "datasets/etude/etude_maths.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

double leit_etude_sine(double turns)
{
    /* Fold into [-1/4, 1/4] turns, then the Taylor series to x^15: error below 1e-11. */
    double x = turns - (double)(int64_t)turns;
    if (x > 0.5) x -= 1;
    if (x < -0.5) x += 1;
    if (x > 0.25) x = 0.5 - x;
    if (x < -0.25) x = -0.5 - x;
    x *= 6.283185307179586;
    double square = x * x, term = x, sum = x;
    for (int n = 2; n < 16; n += 2) {
        term *= -square / (double)(n * (n + 1));
        sum += term;
    }
    return sum;
}

double leit_etude_exp2(double x)
{
    int whole = (int)x;
    double rest = (x - whole) * 0.6931471805599453; /* |rest| < ln 2 */
    double term = 1, sum = 1;
    for (int n = 1; n < 16; n++) {
        term *= rest / n;
        sum += term;
    }
    for (; whole > 0; whole--) sum *= 2;
    for (; whole < 0; whole++) sum *= 0.5;
    return sum;
}

double leit_etude_gain(double db)
{
    return leit_etude_exp2(db * 0.16609640474436813); /* log2(10) / 20 */
}

double leit_etude_hz(double pitch)
{
    return 440 * leit_etude_exp2((pitch - 69) / 12);
}

double leit_etude_normal(leit_rng *rng)
{
    double sum = -2;
    for (int i = 0; i < 4; i++) sum += (double)leit_rng_uniform(rng);
    return sum * 1.7320508075688772;
}
