/* Indexing as one rank of several; leit_index_build takes the ranks that a launcher has started. */
#ifndef LEIT_SEARCH_INDEX_BUILD_H
#define LEIT_SEARCH_INDEX_BUILD_H

#include "dist/dist.h"
#include "leitmotif/search.h"

/* Every rank calls it with the same options and sees the same files; the first writes the index. The
 * summaries are alike but for the rank. */
leit_status leit_index_build_rank(leit_dist *dist, const leit_index_options *options,
                                  leit_index_summary *summary);

#endif
