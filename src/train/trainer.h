/* Training on a backend of the caller's choice; leit_train chooses by run.device. */
#ifndef LEIT_TRAIN_TRAINER_H
#define LEIT_TRAIN_TRAINER_H

#include "kernels/backend.h"
#include "leitmotif/train.h"

leit_status leit_train_on(const leit_backend *backend, const leit_recipe *recipe,
                          leit_train_summary *summary);

#endif
