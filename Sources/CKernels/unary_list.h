// The functions of one value, in the order of yk_unary_operation, and the activations, in the order of yk_activation.
#pragma once

#define YK_UNARY_LIST(X)                                                                                       \
    X(negate) X(absolute) X(exp) X(log) X(sqrt) X(reciprocal_sqrt) X(reciprocal) X(square) X(sin) X(cos) X(tanh)   \
    X(sigmoid) X(relu) X(gelu) X(gelu_tanh) X(silu) X(softplus) X(sign) X(erf)

#define YK_ACTIVATION_LIST(X) X(identity) X(relu) X(gelu) X(gelu_tanh) X(silu) X(tanh) X(sigmoid)
