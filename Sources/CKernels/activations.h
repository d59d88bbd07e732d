// The activations of an epilogue and their derivatives, on vectors. Included by bodies after simd.h.

#ifndef YK_ACTIVATION_CONSTANTS
#define YK_ACTIVATION_CONSTANTS
#define YK_SQRT_HALF 0.707106781186547524f
#define YK_SQRT_2_OVER_PI 0.797884560802865356f
#define YK_INVERSE_SQRT_2PI 0.398942280401432678f
#define YK_GELU_CUBIC 0.044715f
#endif

YK_INLINE vf YK_NAME(gelu)(vf x) {
    vf h = 0.5f * x;
    return h * YK_NAME(erf)(x * YK_SQRT_HALF) + h;
}
YK_INLINE vf YK_NAME(gelu_slope)(vf x) {
    vf density = YK_NAME(exp)(-0.5f * x * x) * YK_INVERSE_SQRT_2PI;
    vf cumulative = 0.5f * YK_NAME(erf)(x * YK_SQRT_HALF) + 0.5f;
    return x * density + cumulative;
}

// ½x(1 + tanh u) = x · sigmoid(2u), which needs one exponential and no case.
YK_INLINE vf YK_NAME(gelu_tanh)(vf x) {
    vf u = x * (x * x * (YK_SQRT_2_OVER_PI * YK_GELU_CUBIC) + YK_SQRT_2_OVER_PI);
    return x * YK_NAME(sigmoid)(u + u);
}

// sigmoid x, and its derivative s(1 − s) in `slope`, both without cancellation: with e = e^−|x| it is e/(1 + e)².
YK_INLINE vf YK_NAME(sigmoid_and_slope)(vf x, vf *slope) {
    vf e = YK_NAME(exp)(-YK_NAME(abs)(x)), r = 1.0f / (1.0f + e);
    *slope = e * r * r;
    return YK_NAME(blend)(x < 0.0f, e * r, r);
}

YK_INLINE vf YK_NAME(gelu_tanh_slope)(vf x) {
    vf square = x * x, slope;
    vf u = x * (square * (YK_SQRT_2_OVER_PI * YK_GELU_CUBIC) + YK_SQRT_2_OVER_PI);
    vf s = YK_NAME(sigmoid_and_slope)(u + u, &slope);
    vf inner = square * (6.0f * YK_SQRT_2_OVER_PI * YK_GELU_CUBIC) + 2.0f * YK_SQRT_2_OVER_PI;
    return s + x * slope * inner;
}

YK_INLINE vf YK_NAME(silu_slope)(vf x) {
    vf slope, s = YK_NAME(sigmoid_and_slope)(x, &slope);
    return s + x * slope;
}

YK_INLINE vf YK_NAME(activate)(yk_activation activation, vf x) {
    switch (activation) {
    case YK_IDENTITY: return x;
    // The order keeps a NaN.
    case YK_RELU: return YK_NAME(blend)(x < 0.0f, (vf){}, x);
    case YK_GELU: return YK_NAME(gelu)(x);
    case YK_GELU_TANH: return YK_NAME(gelu_tanh)(x);
    case YK_SILU: return x * YK_NAME(sigmoid)(x);
    case YK_TANH: return YK_NAME(tanh)(x);
    case YK_SIGMOID: return YK_NAME(sigmoid)(x);
    }
    return x;
}

YK_INLINE vf YK_NAME(activation_slope)(yk_activation activation, vf x) {
    switch (activation) {
    case YK_IDENTITY: break;
    case YK_RELU: return YK_NAME(blend)(x > 0.0f, YK_NAME(splat)(1.0f), (vf){});
    case YK_GELU: return YK_NAME(gelu_slope)(x);
    case YK_GELU_TANH: return YK_NAME(gelu_tanh_slope)(x);
    case YK_SILU: return YK_NAME(silu_slope)(x);
    case YK_TANH: {
        vf t = YK_NAME(tanh)(x);
        return 1.0f - t * t;
    }
    case YK_SIGMOID: {
        vf slope;
        YK_NAME(sigmoid_and_slope)(x, &slope);
        return slope;
    }
    }
    return YK_NAME(splat)(1.0f);
}
