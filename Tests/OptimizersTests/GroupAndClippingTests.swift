import Testing
import YuyanOptimizers
import YuyanTestSupport

@Suite("Parameter groups")
struct ParameterGroupTests {
    private func refusal(_ toy: Toy, _ groups: [ParameterGroup]) -> OptimizerError? {
        do throws(OptimizerError) {
            _ = try Optimizer(groups: groups, of: toy.namedParameters())
            return nil
        } catch {
            return error
        }
    }

    private func group(_ toy: Toy, _ names: [String], _ rule: UpdateRule = .adam(.adamW)) -> ParameterGroup {
        let all = Dictionary(uniqueKeysWithValues: toy.namedParameters().map { ($0.name, $0) })
        return ParameterGroup(
            name: names.joined(separator: "+"),
            parameters: names.compactMap { all[$0] },
            rule: rule
        )
    }

    @Test("Groups must hold every trainable parameter once")
    func coverage() {
        let toy = Toy()
        let all = ["embedding", "weight", "bias"]
        #expect(refusal(toy, [group(toy, all)]) == nil)
        #expect(refusal(toy, [group(toy, ["embedding", "bias"])]) == .missingParameter(name: "weight"))
        #expect(refusal(toy, []) == .missingParameter(name: "embedding"))
        #expect(
            refusal(toy, [group(toy, all), group(toy, ["bias"])])
                == .doubledParameter(name: "bias", groups: ["embedding+weight+bias", "bias"])
        )
        #expect(
            refusal(toy, [group(toy, all + ["weight"])])
                == .doubledParameter(
                    name: "weight",
                    groups: ["embedding+weight+bias+weight", "embedding+weight+bias+weight"]
                )
        )
        let withFrozen = group(toy, all + ["frozen"])
        #expect(refusal(toy, [withFrozen]) == .frozenParameter(name: "frozen", group: withFrozen.name))
        let foreign = group(Toy(), ["bias"])
        #expect(refusal(toy, [group(toy, all), foreign]) == .unknownParameter(name: "bias", group: "bias"))
        let muon = refusal(toy, [group(toy, all, .muon(Muon()))])
        #expect(muon.map { "\($0)".contains("bias") && "\($0)".contains("matrices") } == true)
    }

    @Test("Decay spares vectors, and Muon takes hidden matrices only")
    func ready() throws {
        let toy = Toy()
        let decay = ParameterGroup.separatingDecay(
            of: toy.namedParameters(),
            rule: .adam(.adamW),
            weightDecay: 0.1
        )
        #expect(decay.map(\.name) == ["decay", "no_decay"])
        #expect(decay.map(\.weightDecay) == [0.1, 0])
        #expect(decay.map { $0.parameters.map(\.name) } == [["embedding", "weight"], ["bias"]])
        #expect(refusal(toy, decay) == nil)
        let muon = groups(toy, .muon(Muon()))
        #expect(muon.map(\.name) == ["muon", "decay", "no_decay"])
        #expect(muon.map { $0.parameters.map(\.name) } == [["weight"], ["embedding"], ["bias"]])
        #expect(muon.map(\.learningRateFactor) == [1, 0.1, 0.1])
        #expect(muon.map(\.rule.name) == ["muon", "adam", "adam"])
        #expect(refusal(toy, muon) == nil)
    }

    @Test("Hyperparameters outside their ranges are refused")
    func ranges() {
        let wrong: [UpdateRule] = [
            .adam(Adam(beta1: 1)), .adam(Adam(beta2: -0.1)), .adam(Adam(epsilon: .nan)),
            .sgd(SGD(momentum: -1)),
            .sgd(SGD(nesterov: true)), .sgd(SGD(momentum: 0.9, dampening: 0.1, nesterov: true)),
            .lion(Lion(beta1: 1.5)), .muon(Muon(momentum: 1)), .muon(Muon(newtonSchulzSteps: -1)),
            .adafactor(Adafactor(clipThreshold: 0)), .adafactor(Adafactor(decayRate: 0.8)),
            .adafactor(Adafactor(warmupInit: true)), .adafactor(Adafactor(beta1: .infinity)),
        ]
        for rule in wrong {
            let toy = Toy()
            for parameter in [toy.embedding, toy.bias] { parameter.requiresGradient = false }
            let problem = refusal(toy, [group(toy, ["weight"], rule)])
            guard case .invalidHyperparameter = problem else {
                Issue.record("\(rule) was accepted: \(String(describing: problem))")
                continue
            }
        }
        let settings: [(Double, Double, Double)] = [
            (-0.1, 0, 1), (.nan, 0, 1), (0, -1, 1), (0, 0, -1), (0, 0, .infinity),
        ]
        for (decay, l1, factor) in settings {
            let toy = Toy()
            var all = group(toy, ["embedding", "weight", "bias"])
            (all.weightDecay, all.l1, all.learningRateFactor) = (decay, l1, factor)
            #expect(refusal(toy, [all]) != nil, "\(decay), \(l1), \(factor)")
        }
    }
}

@Suite("Gradient clipping")
struct GradientClippingTests {
    private func named(_ values: [[Double]]) -> [NamedParameter] {
        final class Holder: Module {
            let list: [Parameter]
            init(_ list: [Parameter]) { self.list = list }
        }
        return Holder(
            values.map { row in
                let parameter = Parameter(Tensor.zeros([row.count], dtype: .f64))
                parameter.gradient = Tensor(row, shape: [row.count])
                return parameter
            }
        ).namedParameters()
    }

    @Test("The norm is that of all gradients together, and clipping brings it to the limit")
    func norm() throws {
        let parameters = named([[3, 0], [4], [0, 12]])
        parameters[1].parameter.gradient = nil
        #expect(try GradientClipping.norm(of: parameters) == (9.0 + 144).squareRoot())
        parameters[1].parameter.gradient = Tensor([4.0], shape: [1])
        #expect(try GradientClipping.norm(of: parameters) == 13)
        #expect(try GradientClipping.clip(parameters, toNorm: 20) == 13)
        #expect(parameters[2].parameter.gradient?.doubles() == [0, 12])
        #expect(try GradientClipping.clip(parameters, toNorm: 1) == 13)
        #expect(abs(try GradientClipping.norm(of: parameters) - 1) < 1e-6)
        #expect(GradientClipping.scale(norm: 0.5, limit: 1) == 1)
        #expect(abs(GradientClipping.scale(norm: 10, limit: 1) - 0.1) < 1e-7)
        #expect(try GradientClipping.norm(of: []) == 0)
    }

    @Test("Gradients larger than f32 holds squared are no overflow")
    func large() throws {
        let parameter = Parameter(Tensor.zeros([2]))
        parameter.gradient = Tensor([3e30, 4e30] as [Float], shape: [2])
        final class Holder: Module {
            let weight: Parameter
            init(_ weight: Parameter) { self.weight = weight }
        }
        let norm = try GradientClipping.norm(of: Holder(parameter).namedParameters())
        #expect(abs(norm / 5e30 - 1) < 1e-6)
    }

    @Test("A gradient that is not finite is named, and nothing is scaled")
    func nonFinite() {
        for bad in [Double.nan, .infinity, -.infinity] {
            let parameters = named([[3, 9], [4, 1, bad, bad]])
            let error = #expect(throws: OptimizerError.self) {
                try GradientClipping.clip(parameters, toNorm: 1)
            }
            guard case .nonFiniteGradient("list.1", 2, let value) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(value == bad || (value.isNaN && bad.isNaN))
            #expect(parameters[0].parameter.gradient?.doubles() == [3, 9])
        }
    }

    @Test("Elements are limited one by one, and NaN stays")
    func values() {
        let parameters = named([[3, -0.5, -7], [0.25, .nan]])
        GradientClipping.clip(parameters, toMagnitude: 1)
        #expect(parameters[0].parameter.gradient?.doubles() == [1, -0.5, -1])
        #expect(parameters[1].parameter.gradient?.doubles()[0] == 0.25)
        #expect(parameters[1].parameter.gradient?.doubles()[1].isNaN == true)
    }
}
