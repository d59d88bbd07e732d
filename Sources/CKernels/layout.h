// Walks up to five strided operands of one shape together: merges axes, cuts the work into fixed pieces, and hands
// out rows along one axis.
#pragma once

#include "yk_core.h"

enum { YK_MAX_AXES = 8, YK_MAX_OPERANDS = 5 };

// Operand 0 is the one written. Strides are in bytes.
typedef struct yk_layout {
    int rank, operands;
    int64_t shape[YK_MAX_AXES];
    int64_t strides[YK_MAX_OPERANDS][YK_MAX_AXES];
    char *data[YK_MAX_OPERANDS];
} yk_layout;

// Begins a layout over a shape of at most YK_MAX_AXES axes.
void yk_layout_begin(yk_layout *l, int rank, const intptr_t *shape);
// Adds an operand; strides in elements of `element_size` bytes.
void yk_layout_add(yk_layout *l, const void *data, const intptr_t *strides, int64_t element_size);
// Drops axes of extent 1, orders the axes by how operand 0 lies in memory, and merges those that are one for all
// operands. The order of elements changes, which an element-by-element operation does not see. At least one axis is
// left.
void yk_layout_simplify(yk_layout *l);
// The number of elements.
int64_t yk_layout_count(const yk_layout *l);

// A run of n elements along the innermost axis: the operands' first elements and their strides in bytes.
typedef void (*yk_row_body)(void *context, char *const *data, const int64_t *strides, int64_t n);

// Simplifies the layout and calls body for all rows (long ones in several runs), about `elements` elements to a piece
// of work. Not to be called for zero elements.
void yk_layout_run(yk_layout *l, int64_t elements, yk_row_body body, void *context);

// Calls body(context, first, count) for pieces of `elements` of 0..<n.
void yk_ranges(int64_t n, int64_t elements, void (*body)(void *context, int64_t first, int64_t count), void *context);
