import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// The largest values of rows and their places, see ``RowMaxima``.
    ///
    /// Traps when views do not fit together or a length lies outside 0...positions.
    public func rowMaxima(_ call: RowMaxima) {
        let door = "rowMaxima"
        let (rows, dtype) = (call.rows, call.rows.dtype)
        require(
            rows.shape.rank == 3 && (dtype == .f32 || dtype == .f64),
            "\(door): the rows are \(dtype) \(rows.shape); f32 or f64 [B, N, F] fits here"
        )
        let (batch, count, width) = (rows.shape[0], rows.shape[1], rows.shape[2])
        require(
            rows.strides[2] == 1 && rows.strides[1] == width && (width == 0 || rows.strides[0] % width == 0),
            "\(door): the rows have the strides \(rows.strides); those of a sequence must lie side by side"
        )
        var arguments = yk_row_maxima()
        arguments.dtype = dtype.kernelType
        (arguments.B, arguments.N, arguments.F) = (Int64(batch), Int64(count), Int64(width))
        arguments.rows = UnsafeRawPointer(rows.address)
        arguments.rows_between = Int64(width == 0 ? 0 : rows.strides[0] / width)
        arguments.positions = Int64(call.positions)
        arguments.lengths = RowChecks.lengths(call.lengths, batch, most: call.positions, door)
        arguments.values = call.values.address
        arguments.values_row = RowChecks.rowStride(call.values, [batch, width], dtype, "values", door)
        arguments.places = call.places.address.assumingMemoryBound(to: Int32.self)
        arguments.places_row = RowChecks.rowStride(call.places, [batch, width], .i32, "places", door)
        yk_maxima_of_rows(&arguments)
    }

    /// Gradients through largest values over windows, see ``WindowMaximaGradient``.
    ///
    /// Traps when views do not fit together or a length lies outside 0...T; places are taken as they are.
    public func windowMaximaGradient(_ call: WindowMaximaGradient) {
        let door = "windowMaximaGradient"
        let (source, weight, dtype) = (call.source, call.weight, call.source.dtype)
        require(
            source.shape.rank == 3 && weight.shape.rank == 3 && weight.dtype == dtype
                && source.shape[2] == weight.shape[2],
            "\(door): the source is \(dtype) \(source.shape), the filters \(weight.dtype) \(weight.shape); [B, T, C] and "
                + "[F, K, C] of one dtype fit here"
        )
        RowChecks.expect(source, source.shape, "source", door)
        RowChecks.expect(weight, weight.shape, "weight", door)
        let (batch, filters) = (source.shape[0], weight.shape[0])
        var arguments = yk_window_gradient()
        arguments.dtype = dtype.kernelType
        (arguments.B, arguments.T, arguments.C) = (
            Int64(batch), Int64(source.shape[1]), Int64(source.shape[2])
        )
        (arguments.F, arguments.K, arguments.leading) = (
            Int64(filters), Int64(weight.shape[1]), Int64(call.leading)
        )
        (arguments.source, arguments.weight) = (
            UnsafeRawPointer(source.address), UnsafeRawPointer(weight.address)
        )
        arguments.lengths = RowChecks.lengths(call.lengths, batch, most: source.shape[1], door)
        arguments.gradient = UnsafeRawPointer(call.gradient.address)
        let wide = dtype.accumulation
        arguments.gradient_row = RowChecks.rowStride(call.gradient, [batch, filters], wide, "gradient", door)
        arguments.places = UnsafePointer(call.places.address.assumingMemoryBound(to: Int32.self))
        arguments.places_row = RowChecks.rowStride(call.places, [batch, filters], .i32, "places", door)
        let gradients: [(TensorView?, Shape, String)] = [
            (call.sourceGradient, source.shape, "sourceGradient"),
            (call.weightGradient, weight.shape, "weightGradient"),
            (call.biasGradient, [filters], "biasGradient"),
        ]
        for (view, shape, name) in gradients {
            if let view { RowChecks.expectStatistic(view, shape, of: dtype, name, door) }
        }
        arguments.source_gradient = call.sourceGradient?.address
        arguments.weight_gradient = call.weightGradient?.address
        arguments.bias_gradient = call.biasGradient?.address
        yk_gradient_of_windows(&arguments)
    }
}
