/// A model's parameters in two groups: those that weight decay shrinks and those that it leaves alone.
public struct DecayGroups {
    /// Matrices and tables: parameters of two axes or more.
    public let decayed: [NamedParameter]
    /// Biases, scales and shifts: parameters of one axis or none.
    public let exempt: [NamedParameter]
}

extension Module {
    /// The trainable parameters by whether weight decay should act on them.
    public var decayGroups: DecayGroups {
        let trainable = namedParameters().filter(\.parameter.requiresGradient)
        return DecayGroups(
            decayed: trainable.filter { $0.parameter.shape.rank >= 2 },
            exempt: trainable.filter { $0.parameter.shape.rank < 2 }
        )
    }
}
