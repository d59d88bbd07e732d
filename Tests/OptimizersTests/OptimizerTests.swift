import Foundation
import Testing
import YuyanOptimizers
import YuyanTestSupport

@Suite("Optimizers")
struct OptimizerTests {
    @Test("Every rule lowers a quadratic by its own way", arguments: everyRule)
    func descends(_ rule: UpdateRule) throws {
        let toy = Toy()
        let optimizer = try Optimizer(groups: groups(toy, rule, weightDecay: 0), of: toy.namedParameters())
        func loss() -> Double {
            toy.parameters().filter(\.requiresGradient).reduce(0) { $0 + ($1.value * $1.value).sum().item() }
        }
        let before = loss()
        for _ in 0..<200 {
            let tape = Tape()
            let total = tape.record {
                toy.parameters().reduce(Tensor(0)) { sum, parameter in
                    let value = parameter.tensor()
                    return sum + (value * value).sum()
                }
            }
            tape.backward(from: total)
            // Rules whose steps do not shrink with the gradient get smaller ones.
            optimizer.step(learningRate: rule.name == "sgd" ? 0.01 : 0.02)
            optimizer.clearGradients()
        }
        let isRelativeWarmup = rule == everyRule[7]
        #expect(loss() < before * (isRelativeWarmup ? 1 : 0.3), "\(rule): from \(before) to \(loss())")
        #expect(optimizer.stepCount == 200)
    }

    @Test("Rules differ from one another")
    func rulesDiffer() throws {
        let results = try everyRule.map { rule in
            let toy = Toy()
            let optimizer = try Optimizer(groups: groups(toy, rule), of: toy.namedParameters())
            for step in 0..<3 {
                toy.setGradients(step: step)
                optimizer.step(learningRate: 0.01)
            }
            return toy.values
        }
        #expect(Set(results).count == everyRule.count)
        #expect(results.allSatisfy { $0[3] == Toy().values[3] }, "a frozen parameter moved")
    }

    @Test(
        "A parameter without a gradient, or frozen later, stays as it is with its state",
        arguments: everyRule
    )
    func skipping(_ rule: UpdateRule) throws {
        let toy = Toy()
        let optimizer = try Optimizer(groups: groups(toy, rule), of: toy.namedParameters())
        toy.setGradients(step: 0)
        optimizer.step(learningRate: 0.01)
        let states = try Dictionary(uniqueKeysWithValues: copies(optimizer))
        let values = toy.values
        toy.setGradients(step: 1)
        toy.weight.gradient = nil
        toy.bias.requiresGradient = false
        optimizer.step(learningRate: 0.01)
        #expect(toy.values[0] != values[0])
        #expect(toy.values[1] == values[1])
        #expect(toy.values[2] == values[2])
        for (name, value) in try copies(optimizer) where name.hasPrefix("weight.") || name.hasPrefix("bias.")
        {
            #expect(states[name] == value, "\(name)")
        }
        let counts = Dictionary(uniqueKeysWithValues: optimizer.stateTensors().map { ($0.name, $0.tensor) })
        #expect(counts["step"]?.integers() == [2])
        #expect(counts["embedding.step"]?.integers() == [2])
        #expect(counts["weight.step"]?.integers() == [1])
        #expect(counts["frozen.step"] == nil)
    }

    private func copies(_ optimizer: Optimizer) throws -> [(String, [Double])] {
        optimizer.stateTensors().map { ($0.name, $0.tensor.doubles()) }
    }

    @Test("Restored and uninterrupted runs agree bit for bit", arguments: everyRule, [DType.f32, .f64])
    func resuming(_ rule: UpdateRule, _ dtype: DType) throws {
        func take(_ steps: Range<Int>, _ toy: Toy, _ optimizer: Optimizer) {
            for step in steps {
                toy.setGradients(step: step)
                if step % 3 == 1 { toy.bias.gradient = nil }
                optimizer.step(learningRate: 0.01 / Double(step + 1))
            }
        }
        let whole = Toy(dtype: dtype), cut = Toy(dtype: dtype), resumed = Toy(dtype: dtype, seed: 5)
        take(0..<9, whole, try Optimizer(groups: groups(whole, rule), of: whole.namedParameters()))
        let first = try Optimizer(groups: groups(cut, rule), of: cut.namedParameters())
        take(0..<4, cut, first)
        // Bytes, as a checkpoint keeps them.
        let saved = first.stateTensors().map { entry in
            let bytes = entry.tensor.hostBytes()
            let copy = bytes.withUnsafeBytes {
                Tensor(bytes: $0, shape: entry.tensor.shape, dtype: entry.tensor.dtype)
            }
            return (name: entry.name, tensor: copy)
        }
        for (parameter, other) in zip(resumed.parameters(), cut.parameters()) {
            parameter.assign(other.value)
        }
        take(4..<6, cut, first)
        let second = try Optimizer(groups: groups(resumed, rule), of: resumed.namedParameters())
        try second.restore(saved.reversed())
        #expect(second.stepCount == 4)
        take(4..<9, resumed, second)
        #expect(
            resumed.parameters().map { $0.value.hostBytes() }
                == whole.parameters().map { $0.value.hostBytes() }
        )
    }

    @Test("A state that does not fit is refused, and nothing changes")
    func refusedState() throws {
        let toy = Toy()
        let optimizer = try Optimizer(groups: groups(toy, .adam(.adamW)), of: toy.namedParameters())
        toy.setGradients(step: 0)
        optimizer.step(learningRate: 0.01)
        let state = optimizer.stateTensors()
        func refusal(_ tensors: [(name: String, tensor: Tensor)]) -> OptimizerError? {
            do throws(OptimizerError) {
                try optimizer.restore(tensors)
                return nil
            } catch {
                return error
            }
        }
        #expect(
            refusal(state.filter { $0.name != "weight.exp_avg" }) == .missingState(name: "weight.exp_avg")
        )
        #expect(refusal(state.filter { $0.name != "step" }) == .missingState(name: "step"))
        let extra = [(name: "nobody.exp_avg", tensor: Tensor.zeros([2]))]
        #expect(refusal(state + extra) == .unexpectedState(name: "nobody.exp_avg"))
        #expect(
            refusal(state.filter { $0.name != "weight.step" }) == .unexpectedState(name: "weight.exp_avg")
        )
        func replaced(_ name: String, _ tensor: Tensor) -> [(name: String, tensor: Tensor)] {
            state.map { $0.name == name ? (name, tensor) : $0 }
        }
        #expect(
            refusal(replaced("bias.exp_avg_sq", Tensor.zeros([8])))
                == .mismatchedState(name: "bias.exp_avg_sq", found: "f32 [8]", expected: "f32 [7]")
        )
        #expect(
            refusal(replaced("bias.exp_avg_sq", Tensor.zeros([7], dtype: .bf16)))
                == .mismatchedState(name: "bias.exp_avg_sq", found: "bf16 [7]", expected: "f32 [7]")
        )
        #expect(refusal(replaced("bias.step", Tensor([-1] as [Int32], shape: []))) != nil)
        #expect(refusal(state + [state[1]]) != nil)
        let after = optimizer.stateTensors()
        #expect(after.map(\.name) == state.map(\.name))
        #expect(zip(after, state).allSatisfy { $0.tensor.hostBytes() == $1.tensor.hostBytes() })
        #expect(refusal(state) == nil)
    }

    @Test("The bf16 copy follows the values", arguments: everyRule)
    func lowPrecision(_ rule: UpdateRule) throws {
        let toy = Toy()
        let optimizer = try Optimizer(groups: groups(toy, rule), of: toy.namedParameters())
        for parameter in toy.parameters() { _ = parameter.tensor(as: .bf16) }
        for step in 0..<3 {
            toy.setGradients(step: step)
            optimizer.step(learningRate: 0.05)
            for parameter in toy.parameters() {
                #expect(
                    parameter.tensor(as: .bf16).hostBytes() == parameter.value.cast(to: .bf16).hostBytes()
                )
            }
        }
        let reference = Toy(dtype: .f64)
        let other = try Optimizer(groups: groups(reference, rule), of: reference.namedParameters())
        _ = reference.weight.tensor(as: .f32)
        reference.setGradients(step: 0)
        other.step(learningRate: 0.05)
        #expect(reference.weight.tensor(as: .f32).floats() == reference.weight.value.floats())
    }

    @Test("Groups set decay, penalties and the learning rate's factor")
    func groupSettings() throws {
        func moved(_ change: (inout ParameterGroup) -> Void) throws -> [Double] {
            let toy = Toy(dtype: .f64)
            var group = ParameterGroup(name: "bias", parameters: [], rule: .sgd(SGD()))
            group.parameters = toy.namedParameters().filter { $0.name == "bias" }
            change(&group)
            for parameter in [toy.embedding, toy.weight] { parameter.requiresGradient = false }
            let optimizer = try Optimizer(groups: [group], of: toy.namedParameters())
            toy.bias.gradient = Tensor.ones([7], dtype: .f64)
            let before = toy.bias.value.doubles()
            optimizer.step(learningRate: 0.5, gradientScale: 0.25)
            return zip(before, toy.bias.value.doubles()).map { $1 - $0 }
        }
        let start = Toy(dtype: .f64).bias.value.doubles()
        func expected(_ body: (Double) -> Double) -> [Double] { start.map(body) }
        expectClose(actual: try moved { _ in }, expected: expected { _ in -0.125 }, absolute: 1e-14)
        expectClose(
            actual: try moved { $0.learningRateFactor = 0.1 },
            expected: expected { _ in -0.0125 },
            absolute: 1e-14
        )
        expectClose(
            actual: try moved { $0.weightDecay = 0.2 },
            expected: expected { -0.5 * (0.25 + 0.2 * $0) },
            absolute: 1e-14
        )
        expectClose(
            actual: try moved { $0.l1 = 0.3 },
            expected: expected { -0.5 * (0.25 + 0.3 * ($0 < 0 ? -1 : 1)) },
            absolute: 1e-14
        )
    }

    @Test("L1 reaches every rule", arguments: everyRule)
    func penalty(_ rule: UpdateRule) throws {
        func values(_ l1: Double) throws -> [[Double]] {
            let toy = Toy()
            let penalized = groups(toy, rule).map { group in
                var group = group
                group.l1 = l1
                return group
            }
            let optimizer = try Optimizer(groups: penalized, of: toy.namedParameters())
            for step in 0..<2 {
                toy.setGradients(step: step)
                optimizer.step(learningRate: 0.01)
            }
            return toy.values
        }
        let (without, with) = (try values(0), try values(0.5))
        for index in 0..<3 { #expect(without[index] != with[index], "\(rule), parameter \(index)") }
    }

    @Test("Muon's matrix has singular values near one")
    func orthogonalization() {
        var random = RandomSource(seed: 6)
        for shape: Shape in [[4, 9], [9, 4], [6, 6], [1, 5]] {
            let matrix = Tensor.normal(shape, random: &random, dtype: .f64)
            let result = Muon.orthogonalized(matrix, steps: 5, dtype: .f64)
            let small = shape[0] <= shape[1] ? result : result.transposed()
            // Rayleigh quotients of the Gram matrix lie between the squares of its extreme singular values.
            let gram = matmul(small, small.transposed())
            for _ in 0..<20 {
                let v = Tensor.normal([gram.shape[0], 1], random: &random, dtype: .f64)
                let quotient = matmul(v.transposed(), matmul(gram, v)).item() / (v * v).sum().item()
                #expect((0.3...1.7).contains(quotient), "\(shape): \(quotient)")
            }
            let overlap = (result * matrix).sum().item()
            #expect(overlap > 0, "\(shape)")
        }
        #expect(
            Muon.orthogonalized(Tensor.zeros([3, 2]), dtype: .f32).floats() == [Float](repeating: 0, count: 6)
        )
    }

    @Test("Rules and descriptions survive JSON")
    func json() throws {
        for rule in everyRule {
            let data = try JSONEncoder().encode(rule)
            #expect(try JSONDecoder().decode(UpdateRule.self, from: data) == rule)
            #expect(String(decoding: data, as: UTF8.self).contains("\"rule\":\"\(rule.name)\""))
            let toy = Toy()
            let optimizer = try Optimizer(groups: groups(toy, rule), of: toy.namedParameters())
            toy.setGradients(step: 0)
            optimizer.step(learningRate: 0.1)
            let description = optimizer.summary
            let again = try JSONDecoder().decode(
                OptimizerDescription.self,
                from: JSONEncoder().encode(description)
            )
            #expect(again == description)
            #expect(again.groups.flatMap(\.parameters).sorted() == ["bias", "embedding", "weight"])
            #expect(again.stepCount == 1)
        }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(UpdateRule.self, from: Data(#"{"rule":"adams"}"#.utf8))
        }
    }
}
