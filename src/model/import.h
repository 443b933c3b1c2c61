/* Weights of other frameworks. */
#ifndef LEIT_MODEL_IMPORT_H
#define LEIT_MODEL_IMPORT_H

#include "plan/parameters.h"

/* Reads a text encoder from a safetensors file of Hugging Face: DistilBertModel names or BertModel
 * names, with or without the prefix of a larger model; fp32, fp16 or bf16. BERT's token-type row 0
 * is added to the positions. Fills every parameter "text.embeddings.*" and "text.transformer.*" or
 * fails: LEIT_DATA naming the file and the first tensor that is missing or of another shape.
 * Tensors that are not used are named in one log line. */
leit_status leit_import_text_encoder(const char *path, leit_parameters *parameters);

#endif
