/* A stranger's program: opens an index that is not there and prints why it cannot. */
#include <stdio.h>

#include <leitmotif/search.h>

int main(void)
{
    leit_index *index = NULL;
    leit_status status = leit_index_open("no/such/index.h5", &index);
    printf("%d: %s\n", (int)status, leit_error_message());
    leit_index_close(index);
    return 0;
}
