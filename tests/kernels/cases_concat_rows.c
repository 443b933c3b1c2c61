#include "kernels/concat_rows.h"

#define LEIT_REFERENCE "reference/concat_rows.h"
#include "reference/twice.h"

static const char *const params[] = {
    "Na=1 Nb=1 D=1", "Na=32 Nb=97 D=59",      "Na=0 Nb=5 D=1025",
    "Na=7 Nb=0 D=3", "Na=3 Nb=4 D=5 no_db=1", NULL,
};

static void describe(leit_case *c)
{
    struct leit_concat_rows *args = leit_case_args(c);
    const int64_t Na = args->Na = leit_case_int(c, "Na", 0);
    const int64_t Nb = args->Nb = leit_case_int(c, "Nb", 0), D = args->D = leit_case_int(c, "D", 0);
    leit_case_input(c, "a", &args->a, Na * D, Na * D);
    leit_case_input(c, "b", &args->b, Nb * D, Nb * D);
    leit_case_output(c, "y", &args->y, (Na + Nb) * D);
    leit_case_gradient_in(c, "dy", &args->dy, "y", (Na + Nb) * D);
    leit_case_gradient(c, "da", &args->da, "a");
    if (!leit_case_int(c, "no_db", 0)) leit_case_gradient(c, "db", &args->db, "b");
    double bytes = 8.0 * (double)((Na + Nb) * D);
    leit_case_work(c, 0.0, bytes, 0.0, bytes);
}

LEIT_CASES(concat_rows)
