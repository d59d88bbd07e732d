/// Runs a part of a network so that only its input is kept: its intermediate values are made again in the backward
/// pass.
///
/// `body` must give the same result each time it is called with the same values (dropout draws do: they depend on
/// counters alone). Leaves that it uses get their gradients as usual.
///
/// Source: Chen et al., «Training deep nets with sublinear memory cost», 2016.
public func checkpoint(_ inputs: [Tensor], _ body: @escaping ([Tensor]) -> [Tensor]) -> [Tensor] {
    guard let outer = Tape.current else { return body(inputs) }
    let outputs = Tape.withoutRecording { body(inputs.map { $0.detached() }) }
    let values = inputs.map { $0.detached() }
    // The outputs depend on leaves even where no input stands on the tape, so the record is always made.
    let inputsOnTape = inputs.map { outer.holds($0) ? $0 : $0.detached() }
    return outer.append(.checkpoint, inputs: inputsOnTape, outputs: outputs) { pull in
        let inner = Tape()
        let watched = values.enumerated().map { position, value in
            pull.wants(position) ? inner.watch(value) : value
        }
        let again = inner.record { body(watched) }
        inner.backward(from: zip(again, again.indices).map { ($0, pull.gradient(ofOutput: $1)) })
        for position in watched.indices where pull.wants(position) {
            // A gradient that only passed through is still the outer tape's and may be another input's too.
            let input = watched[position]
            pull.add(inner.gradient(of: input), to: position, isFresh: inner.ownsGradient(of: input))
        }
    }
}
