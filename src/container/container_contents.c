/* What a file holds: the names of its arrays, and whether each is whole. */
#include <stdlib.h>
#include <string.h>

#include "container/container_reader.h"
#include "core/memory.h"

typedef struct listing {
    const leit_container *container;
    leit_arena *arena;
    const char **names;
    size_t count, capacity;
    int64_t n_objects; /* arrays, groups and named types met so far */
    leit_status status;
} listing;

enum { MAX_GROUP_DEPTH = 32, MAX_OBJECTS = 1 << 16 };

typedef struct level {
    listing *listing;
    const char *group;
    int depth;
} level;

static void list_group(listing *listing, const char *group, int depth);

static herr_t list_link(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    const level *here = context;
    listing *list = here->listing;
    const char *path = list->container->path;
    if (link->type != H5L_TYPE_HARD) {
        list->status =
            leit_fail(LEIT_DATA, __func__,
                      "%s: %s is a soft or external link, expected arrays and groups", path, name);
        return -1;
    }
    if (++list->n_objects > MAX_OBJECTS) {
        list->status = leit_fail(LEIT_DATA, __func__, "%s holds more than %d arrays and groups",
                                 path, MAX_OBJECTS);
        return -1;
    }
    char *full = here->group[0] == '\0'
                     ? leit_arena_strdup(list->arena, name)
                     : leit_arena_printf(list->arena, "%s/%s", here->group, name);
    hid_t object = full == NULL ? H5I_INVALID_HID : H5Oopen(group, name, H5P_DEFAULT);
    H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
    if (object >= 0) H5Oclose(object);
    if (type == H5I_GROUP) {
        list_group(list, full, here->depth + 1);
    } else if (type == H5I_DATASET) {
        list->status = LEIT_GROW(list->names, list->count, list->capacity);
        if (list->status == LEIT_OK) list->names[list->count++] = full;
    } else if (type != H5I_DATATYPE) {
        list->status = leit_fail(LEIT_DATA, __func__, "%s: cannot open %s: %s", path, name,
                                 leit_hdf5_reason());
    }
    return list->status == LEIT_OK ? 0 : -1;
}

/* A damaged file may hold a group inside itself, or one group under many names: depth and number are
 * limited. */
static void list_group(listing *list, const char *group, int depth)
{
    const char *path = list->container->path;
    if (depth > MAX_GROUP_DEPTH) {
        list->status = leit_fail(LEIT_DATA, __func__, "%s: groups nested deeper than %d at %s",
                                 path, MAX_GROUP_DEPTH, group);
        return;
    }
    hid_t opened = H5Gopen2(list->container->file, group[0] == '\0' ? "/" : group, H5P_DEFAULT);
    level here = {.listing = list, .group = group, .depth = depth};
    herr_t result =
        opened < 0 ? -1 : H5Literate(opened, H5_INDEX_NAME, H5_ITER_INC, NULL, list_link, &here);
    if (result < 0 && list->status == LEIT_OK)
        list->status = leit_fail(LEIT_DATA, __func__, "%s: cannot list group '%s': %s", path, group,
                                 leit_hdf5_reason());
    if (opened >= 0) H5Gclose(opened);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

leit_status leit_container_names(const leit_container *container, const char *group,
                                 leit_arena *arena, int64_t *n, const char ***names)
{
    HDF5_ALONE;
    LEIT_FAIL_IF(group[0] != '\0' && !leit_container_object_exists(container, group), LEIT_DATA,
                 "%s has no group %s", container->path, group);
    listing list = {.container = container, .arena = arena};
    list_group(&list, group, 0);
    if (list.status == LEIT_OK && list.count > 0)
        qsort(list.names, list.count, sizeof *list.names, compare_names);
    *names = leit_arena_allocate(arena, (list.count + 1) * sizeof **names);
    if (list.status == LEIT_OK && *names == NULL) list.status = LEIT_INTERNAL;
    if (list.status == LEIT_OK && list.count > 0)
        memcpy(*names, list.names, list.count * sizeof **names);
    leit_free(list.names);
    *n = (int64_t)list.count;
    return list.status;
}

leit_status leit_container_verify(const leit_container *container)
{
    HDF5_ALONE;
    leit_arena arena = {0};
    int64_t n = 0;
    const char **names = NULL;
    leit_status status = leit_container_names(container, "", &arena, &n, &names);
    for (int64_t i = 0; status == LEIT_OK && i < n; i++)
        status = leit_container_verify_array(container, names[i]);
    leit_arena_clear(&arena);
    return status;
}

/* In the child of the probe, which is one thread. */
leit_status leit_container_walk(const char *path)
{
    leit_container *container = NULL;
    LEIT_TRY(leit_container_open(path, LEIT_CONTAINER_ANY, 0, &container));
    leit_status status = leit_container_verify(container);
    leit_container_close(container);
    return status;
}
