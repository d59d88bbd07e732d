// Word vectors by stochastic gradient descent: many small steps, each on a few rows of two tables.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// The tasks of one stream. Task k holds the inputs input_starts[k] ..< input_starts[k + 1] and the outputs
// output_starts[k] ..< output_starts[k + 1]; within a task no row of a table comes twice (a weight says how often it
// counts).
typedef struct yk_word_stream {
    int64_t tasks;
    const int32_t *input_starts, *output_starts;
    const int32_t *inputs;        // rows of the input table
    const float *input_weights;   //
    const int32_t *outputs;       // rows of the output table
    const float *output_weights;  //
    const float *labels;          // of the outputs: 1 where input and output belong together, else 0
} yk_word_stream;

// How the inputs of a task meet its outputs.
typedef enum yk_word_mode {
    YK_WORD_PAIRS = 0, // each with each (skip-gram)
    YK_WORD_MEAN,      // their mean with each output; its gradient is shared among them (CBOW)
    YK_WORD_SUM,       // their sum with each output
    YK_WORD_SUBWORDS,  // their mean with each output; each receives the whole gradient (fastText)
} yk_word_mode;

typedef struct yk_word_training {
    float *input_table, *output_table; // rows of `stride` floats, those from D on 0; 64-byte aligned
    int64_t input_rows, output_rows;
    int64_t D, stride; // the stride is a multiple of 16
    // One for each row, zeros at first, kept from call to call with `mark`, which is 0 at first.
    uint32_t *input_marks, *output_marks;
    uint32_t mark;
    yk_word_mode mode;
    float learning_rate;
    double loss;    // the sum of the losses of some pairs, added to
    double counted; // the number of those pairs, added to
} yk_word_training;

// Most inputs of a task in the mode of pairs.
enum { YK_WORD_MOST_PAIR_INPUTS = 1024 };

// Carries out the tasks of S streams in the order (task 0 of streams 0 ..< S), (task 1 of streams 0 ..< S), …: the
// result is that of one after the other, bit for bit, with any number of threads. A task is one step: its outputs and
// inputs are read, then all are changed. False, and nothing done, when there was no memory.
bool yk_word_train(yk_word_training *training, const yk_word_stream *streams, int64_t S);

// One AdaGrad step of GloVe for each record: f(x)/2 · (w·c + bias_w + bias_c − log x)² with f(x) = min(1, (x/x_max)^α).
// Rows of `stride` floats hold a vector [D], zeros, and its bias at stride − 1, which lies beyond D rounded up to 16; the
// sums of squares have the same form and all begin at 1.
// `values` holds log x and `weights` f(x). Returns the sum of f(x)/2 · error², each before its step.
double yk_glove_steps(float *words, float *contexts, float *word_squares, float *context_squares, int64_t D,
                      int64_t stride, const int32_t *rows, const int32_t *columns, const float *values,
                      const float *weights, int64_t N, float learning_rate);

// out[n] = the dot product of row n and `query`, n < N.
void yk_row_dots(float *out, const float *rows, const float *query, int64_t N, int64_t D);

#ifdef __cplusplus
}
#endif
