/* Whether two runs left the same: bits of tensors, bytes of metrics.jsonl, scalars of events. */
#ifndef LEIT_TESTS_SAME_RUNS_H
#define LEIT_TESTS_SAME_RUNS_H

/* Every f32 tensor of two checkpoints whose name starts with `prefix`: parameters, statistics, and
 * the moments where there are any. Returns how many they are. */
int leit_test_same_tensors(const char *a, const char *b, const char *prefix);

/* Two run folders, by their names in the scratch directory. */
void leit_test_same_run(const char *a, const char *b);

#endif
