/* Replays a plan on paper: every 64-byte block of the activation arena remembers who wrote it last,
 * and every read must find what its owner wrote. It knows how nodes use values, and nothing of how
 * the layout works out lifetimes. */
#ifndef LEIT_TESTS_PLAN_WALK_H
#define LEIT_TESTS_PLAN_WALK_H

#include "plan/plan.h"

/* Fails the test at the first node that would read what another object has overwritten. The plan
 * must be measured or finished. */
void leit_plan_walk(leit_plan *plan);

#endif
