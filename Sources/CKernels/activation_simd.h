// Activations and their slopes on vectors, for every body that applies one. Included after simd.h.

// 1/(1 + e^−x); 0 below −87, where it would soon be subnormal.
YK_INLINE vf YK_NAME(gate)(vf x) {
    return YK_NAME(blend)(x < -87.0f, (vf){}, YK_NAME(reciprocal)(1.0f + YK_NAME(exp_clamped)(-x)));
}

// The gate of 2u with u the inner polynomial of GELU's tanh approximation: ½(1 + tanh u).
YK_INLINE vf YK_NAME(gelu_gate)(vf x) {
    return YK_NAME(gate)(x * (x * x * 0.0713548162726f + 1.59576912160573f));
}
YK_INLINE vf YK_NAME(gelu_tanh)(vf x) { return x * YK_NAME(gelu_gate)(x); }
// sigmoid x, and its slope s(1 − s) without cancellation: with e = e^−|x| that is e/(1 + e)².
YK_INLINE vf YK_NAME(sigmoid_and_slope)(vf x, vf *slope) {
    vf e = YK_NAME(exp_clamped)(-YK_NAME(abs)(x)), r = YK_NAME(reciprocal)(1.0f + e);
    *slope = e * r * r;
    return YK_NAME(blend)(x < 0.0f, e * r, r);
}
YK_INLINE vf YK_NAME(gelu_tanh_with_slope)(vf x, vf *slope) {
    // Beyond ±20 the slope is 0 or 1 exactly; NaN passes.
    vf c = YK_NAME(vmin)(YK_NAME(splat)(20.0f), YK_NAME(vmax)(YK_NAME(splat)(-20.0f), x));
    vf steepness, square = c * c;
    vf gate = YK_NAME(sigmoid_and_slope)(c * (square * 0.0713548162726f + 1.59576912160573f), &steepness);
    *slope = gate + c * steepness * (square * 0.2140644488178f + 1.59576912160573f);
    return x * gate;
}

// Φ(x), the Gaussian distribution function.
YK_INLINE vf YK_NAME(gauss)(vf x) { return 0.5f * YK_NAME(erf)(x * 0.707106781186548f) + 0.5f; }
YK_INLINE vf YK_NAME(gelu)(vf x) { return x * YK_NAME(gauss)(x); }
YK_INLINE vf YK_NAME(gelu_with_slope)(vf x, vf *slope) {
    vf c = YK_NAME(vmin)(YK_NAME(splat)(20.0f), YK_NAME(vmax)(YK_NAME(splat)(-20.0f), x));
    vf share = YK_NAME(gauss)(x);
    *slope = share + c * 0.398942280401433f * YK_NAME(exp)(-0.5f * c * c);
    return x * share;
}

YK_INLINE vf YK_NAME(silu)(vf x) { return x * YK_NAME(gate)(x); }
YK_INLINE vf YK_NAME(silu_with_slope)(vf x, vf *slope) {
    // Beyond ±100 the slope is 0 or 1 exactly; NaN passes.
    vf c = YK_NAME(vmin)(YK_NAME(splat)(100.0f), YK_NAME(vmax)(YK_NAME(splat)(-100.0f), x));
    vf steepness, s = YK_NAME(sigmoid_and_slope)(c, &steepness);
    *slope = s + c * steepness;
    return x * s;
}
// NaN stays NaN.
YK_INLINE vf YK_NAME(relu)(vf x) { return YK_NAME(blend)(x < 0.0f, (vf){}, x); }
YK_INLINE vf YK_NAME(relu_slope)(vf x) {
    return YK_NAME(blend)(x > 0.0f, YK_NAME(splat)(1.0f), (vf){});
}
YK_INLINE vf YK_NAME(tanh_with_slope)(vf x, vf *slope) {
    vf t = YK_NAME(tanh)(x);
    *slope = 1.0f - t * t;
    return t;
}

// The activation of a constant kind: with the kind known, the choice disappears.
YK_INLINE vf YK_NAME(activate)(yk_activation activation, vf x) {
    switch (activation) {
    case YK_IDENTITY: return x;
    case YK_RELU: return YK_NAME(relu)(x);
    case YK_GELU: return YK_NAME(gelu)(x);
    case YK_GELU_TANH: return YK_NAME(gelu_tanh)(x);
    case YK_SILU: return YK_NAME(silu)(x);
    case YK_TANH: return YK_NAME(tanh)(x);
    case YK_SIGMOID: return YK_NAME(sigmoid)(x);
    }
    return x;
}

// The activation together with its derivative, which share most of their work.
YK_INLINE vf YK_NAME(activate_with_slope)(yk_activation activation, vf x, vf *slope) {
    switch (activation) {
    case YK_IDENTITY: break;
    case YK_RELU: *slope = YK_NAME(relu_slope)(x); return YK_NAME(relu)(x);
    case YK_GELU: return YK_NAME(gelu_with_slope)(x, slope);
    case YK_GELU_TANH: return YK_NAME(gelu_tanh_with_slope)(x, slope);
    case YK_SILU: return YK_NAME(silu_with_slope)(x, slope);
    case YK_TANH: return YK_NAME(tanh_with_slope)(x, slope);
    case YK_SIGMOID: return YK_NAME(sigmoid_and_slope)(x, slope);
    }
    *slope = YK_NAME(splat)(1.0f);
    return x;
}

// Its derivative.
YK_INLINE vf YK_NAME(activation_slope)(yk_activation activation, vf x) {
    vf slope;
    YK_NAME(activate_with_slope)(activation, x, &slope);
    return slope;
}
