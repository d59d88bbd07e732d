// Rotary positions, vectors. Included by instantiate.h.

// Cosine and sine of YK_LANES angles position · frequency. The angle is reduced in double to quarter turns,
// so that large positions lose nothing; the polynomials then see at most a quarter of π.
YK_INLINE void YK_NAME(rotary_angle)(vf *cosine, vf *sine, double position, const float *frequencies) {
    float rest[YK_LANES];
    int32_t quarter[YK_LANES];
    for (int i = 0; i < YK_LANES; i++) {
        double turns = position * (double)frequencies[i] * 0.63661977236758134308; // in quarter turns
        double whole = (turns + 6755399441055744.0) - 6755399441055744.0; // 1.5 · 2⁵²: to a whole number
        rest[i] = (float)(turns - whole);
        // The last two bits of the whole number; it is below 2⁵¹ for every position and frequency in use.
        quarter[i] = (int32_t)(whole - 4.0 * __builtin_floor(whole * 0.25));
    }
    const vf x = YK_NAME(load)(rest) * 1.57079632679489661923f, s = x * x;
    const vi q = *(const vi *)quarter;
    vf a = s * 2.75573192e-6f - 1.98412698e-4f;
    a = a * s + 8.33333333e-3f;
    a = a * s - 1.66666667e-1f;
    const vf sin_x = x + x * s * a;
    vf b = s * -2.75573192e-7f + 2.48015873e-5f;
    b = b * s - 1.38888889e-3f;
    b = b * s + 4.16666667e-2f;
    const vf cos_x = 1.0f - 0.5f * s + s * s * b;
    const vi odd = -(q & 1);
    const vf swapped_sin = YK_NAME(blend)(odd, cos_x, sin_x), swapped_cos = YK_NAME(blend)(odd, sin_x, cos_x);
    *sine = (vf)((vi)swapped_sin ^ ((q & 2) << 30));
    *cosine = (vf)((vi)swapped_cos ^ (((q + 1) & 2) << 30));
}

YK_INLINE void YK_NAME(rotary_head)(void *out, const void *x, yk_dtype dtype, const float *cosine,
                                    const float *sine, int64_t half) {
    int64_t i = 0;
    for (; i + YK_LANES <= half; i += YK_LANES) {
        const vf c = YK_NAME(load)(cosine + i), s = YK_NAME(load)(sine + i);
        if (dtype == YK_BF16) {
            const uint16_t *p = x;
            uint16_t *o = out;
            vf low = YK_NAME(load_bf16)(p + i), high = YK_NAME(load_bf16)(p + i + half);
            YK_NAME(store_bf16)(o + i, low * c - high * s);
            YK_NAME(store_bf16)(o + i + half, high * c + low * s);
        } else {
            const float *p = x;
            float *o = out;
            vf low = YK_NAME(load)(p + i), high = YK_NAME(load)(p + i + half);
            YK_NAME(store)(o + i, low * c - high * s);
            YK_NAME(store)(o + i + half, high * c + low * s);
        }
    }
    for (; i < half; i++) {
        double low = yk_get(x, dtype, i), high = yk_get(x, dtype, i + half), c = cosine[i], s = sine[i];
        yk_put(out, dtype, i, low * c - high * s);
        yk_put(out, dtype, i + half, high * c + low * s);
    }
}

static void YK_NAME(rotary_position)(const rotary_call *c, int64_t b, int64_t t) {
    const int64_t half = c->E / 2, padded = (half + YK_LANES - 1) / YK_LANES * YK_LANES;
    float *cosine = yk_scratch(0, (size_t)padded * 2 * sizeof(float)), *sine = cosine + padded;
    const double position = c->positions[b * c->T + t];
    for (int64_t i = 0; i < half; i += YK_LANES) {
        float frequencies[YK_LANES];
        for (int64_t j = 0; j < YK_LANES; j++)
            frequencies[j] = i + j < half ? c->frequencies[i + j] : 0;
        vf cos_x, sin_x;
        YK_NAME(rotary_angle)(&cos_x, &sin_x, position, frequencies);
        YK_NAME(store)(cosine + i, cos_x);
        YK_NAME(store)(sine + i, c->inverse ? -sin_x : sin_x);
    }
    for (int64_t h = 0; h < c->H; h++) {
        const void *x = yk_head_row(c->x, c->dtype, c->x_at, b, t, h);
        void *out = (void *)yk_head_row(c->out, c->dtype, c->out_at, b, t, h);
        if (c->dtype == YK_BF16)
            YK_NAME(rotary_head)(out, x, YK_BF16, cosine, sine, half);
        else
            YK_NAME(rotary_head)(out, x, YK_F32, cosine, sine, half);
    }
}
