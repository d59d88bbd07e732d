/// Parameters that share a rule, penalties and a factor on the learning rate.
public struct ParameterGroup {
    /// What error messages and descriptions call the group, for example `decay`.
    public var name: String
    /// The parameters with their paths.
    public var parameters: [NamedParameter]
    /// How the parameters follow their gradients.
    public var rule: UpdateRule
    /// The weight decay (an L2 penalty); decoupled or in the gradient as the rule says.
    public var weightDecay: Double
    /// The L1 penalty: λ · sign(value) is added to the gradient.
    public var l1: Double
    /// The factor on the optimizer's learning rate.
    public var learningRateFactor: Double

    /// Makes a group.
    public init(
        name: String,
        parameters: [NamedParameter],
        rule: UpdateRule,
        weightDecay: Double = 0,
        l1: Double = 0,
        learningRateFactor: Double = 1
    ) {
        self.name = name
        self.parameters = parameters
        self.rule = rule
        self.weightDecay = weightDecay
        self.l1 = l1
        self.learningRateFactor = learningRateFactor
    }

    /// Two groups of the trainable parameters: `decay` with the weight decay and `no_decay` without; an empty one is
    /// left out.
    ///
    /// - Parameters:
    ///   - parameters: A model's parameters; frozen ones are passed over.
    ///   - rule: The rule of both groups.
    ///   - weightDecay: The weight decay of the first group.
    ///   - l1: The L1 penalty of the first group.
    ///   - isExempt: Which parameters take no penalty; those of rank below 2 (biases, scales) unless told otherwise.
    /// - Returns: One or two groups, none for no trainable parameter.
    public static func separatingDecay(
        of parameters: [NamedParameter],
        rule: UpdateRule,
        weightDecay: Double,
        l1: Double = 0,
        isExempt: (NamedParameter) -> Bool = { $0.parameter.shape.rank < 2 }
    ) -> [ParameterGroup] {
        let trainable = parameters.filter(\.parameter.requiresGradient)
        let decayed = ParameterGroup(
            name: "decay",
            parameters: trainable.filter { !isExempt($0) },
            rule: rule,
            weightDecay: weightDecay,
            l1: l1
        )
        let exempt = ParameterGroup(name: "no_decay", parameters: trainable.filter(isExempt), rule: rule)
        return [decayed, exempt].filter { !$0.parameters.isEmpty }
    }

    /// The groups of a model trained with Muon: its hidden matrices by Muon (`muon`), all else by another rule with
    /// and without decay (`decay`, `no_decay`); empty ones are left out.
    ///
    /// - Parameters:
    ///   - parameters: A model's parameters; frozen ones are passed over.
    ///   - muon: The rule of the hidden matrices.
    ///   - others: The rule of embeddings, heads and vectors, usually AdamW.
    ///   - weightDecay: The weight decay of hidden matrices and of other parameters of rank 2 or more.
    ///   - othersLearningRateFactor: The factor on the learning rate outside `muon`, for example 3e-4 / 0.02.
    ///   - isHidden: Which matrices (rank 2) are hidden: everything but embeddings and heads.
    /// - Returns: Up to three groups.
    public static func muon(
        of parameters: [NamedParameter],
        muon: Muon = Muon(),
        others: UpdateRule = .adam(.adamW),
        weightDecay: Double = 0,
        othersLearningRateFactor: Double = 1,
        isHidden: (NamedParameter) -> Bool
    ) -> [ParameterGroup] {
        let trainable = parameters.filter(\.parameter.requiresGradient)
        func belongs(_ named: NamedParameter) -> Bool { named.parameter.shape.rank == 2 && isHidden(named) }
        let matrices = ParameterGroup(
            name: "muon",
            parameters: trainable.filter(belongs),
            rule: .muon(muon),
            weightDecay: weightDecay
        )
        let rest = separatingDecay(
            of: trainable.filter { !belongs($0) },
            rule: others,
            weightDecay: weightDecay
        ).map { group in
            var group = group
            group.learningRateFactor = othersLearningRateFactor
            return group
        }
        return (matrices.parameters.isEmpty ? [] : [matrices]) + rest
    }

    /// Checks that groups add up to all trainable parameters, each exactly once.
    ///
    /// - Parameters:
    ///   - groups: The groups.
    ///   - parameters: The parameters of the model.
    /// - Throws: ``OptimizerError`` naming the parameter that is missing, doubled, unknown or frozen.
    public static func check(
        _ groups: [ParameterGroup],
        cover parameters: [NamedParameter]
    ) throws(OptimizerError) {
        let known = Dictionary(
            parameters.map { (ObjectIdentifier($0.parameter), $0.name) },
            uniquingKeysWith: { first, _ in first }
        )
        var place: [ObjectIdentifier: String] = [:]
        for group in groups {
            for named in group.parameters {
                let key = ObjectIdentifier(named.parameter)
                guard let name = known[key] else {
                    throw .unknownParameter(name: named.name, group: group.name)
                }
                if let other = place.updateValue(group.name, forKey: key) {
                    throw .doubledParameter(name: name, groups: [other, group.name])
                }
                if !named.parameter.requiresGradient {
                    throw .frozenParameter(name: name, group: group.name)
                }
            }
        }
        for named in parameters where named.parameter.requiresGradient {
            if place[ObjectIdentifier(named.parameter)] == nil { throw .missingParameter(name: named.name) }
        }
    }
}
