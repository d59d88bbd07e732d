/// A part of a network: parameters, and modules that hold more of them, as plain stored properties.
///
/// Names are found once by a walk over the stored properties (`Mirror`): a ``Parameter``, a ``Module``, optionals and
/// arrays of them. A property name becomes a part of the path, an array's index too: `blocks.0.attention.weight`.
/// A parameter that hides in a container which the walk does not know (a dictionary, an enum's payload, a tuple, a
/// struct) stops the program and names its path, so that nothing trains silently wrong.
public protocol Module: AnyObject {}

/// A module that draws random numbers in training, for example dropout.
public protocol RandomizedModule: Module {
    /// Whether the module acts at all: on in training, off in evaluation.
    var isTraining: Bool { get set }
    /// Where its draws begin; the same source gives the same draws.
    var random: RandomSource { get set }
}

/// A module whose products of matrices may compute in a shorter dtype than its parameters have.
///
/// What it is given and what it gives keep their dtype; between them stand f32 (or f64) sums and branches in
/// ``computeDType``. Parameters of f64 compute in f64 whatever it says.
public protocol MixedPrecisionModule: Module {
    /// The dtype of products: f32 or bf16.
    var computeDType: DType { get set }
}

extension MixedPrecisionModule {
    /// The dtype that products compute in.
    ///
    /// - Parameter dtype: The parameters' dtype.
    /// - Returns: f64 for f64, else ``computeDType``.
    public func productDType(for dtype: DType) -> DType { dtype == .f64 ? .f64 : computeDType }
}

/// A module that names its parameters itself, where the names that files use are no property paths.
///
/// Its stored properties are not searched.
public protocol ParameterNaming: Module {
    /// All of the module's parameters with their names below it, for example `weight_ih_l0`.
    var ownParameters: [NamedParameter] { get }
}

/// A parameter with its path.
public struct NamedParameter {
    /// The path from the root, for example `blocks.0.attention.output.weight`.
    public let name: String
    /// The parameter.
    public let parameter: Parameter
}

extension Module {
    /// All parameters with their paths, in the order of the properties; a parameter reached by two paths (tied
    /// weights) is listed once, under the first.
    ///
    /// Traps when a parameter hides in a container that the walk does not know.
    public func namedParameters() -> [NamedParameter] {
        var walk = ModuleWalk()
        walk.visit(self, path: "")
        return walk.parameters
    }

    /// All parameters, each once.
    public func parameters() -> [Parameter] { namedParameters().map(\.parameter) }

    /// All modules in and below this one with their paths, in the order of the properties; this one has the path "".
    public func namedModules() -> [(name: String, module: any Module)] {
        var walk = ModuleWalk()
        walk.visit(self, path: "")
        return walk.modules
    }

    /// The number of trainable and frozen values.
    public var parameterCount: Int { parameters().reduce(0) { $0 + $1.shape.elementCount } }

    /// Turns dropout and the like on (training) or off (evaluation) everywhere below.
    public func setTraining(_ isTraining: Bool) {
        for case let module as any RandomizedModule in namedModules().map(\.module) {
            module.isTraining = isTraining
        }
    }

    /// Gives every randomised module its own stream of a seed, at a place that depends on the call alone: the same
    /// seed and call number give the same draws.
    public func setRandom(seed: UInt64, call: UInt64) {
        var stream: UInt64 = 1
        for case let module as any RandomizedModule in namedModules().map(\.module) {
            module.random = RandomSource(seed: seed, stream: stream, position: call << 34)
            stream += 1
        }
    }

    /// Lets everything below compute in a dtype, where it can.
    ///
    /// - Parameter dtype: f32 or bf16.
    /// - Returns: The dtype that products compute in: `dtype` where any module can, else f32.
    @discardableResult
    public func setComputeDType(_ dtype: DType) -> DType {
        var result = DType.f32
        for case let module as any MixedPrecisionModule in namedModules().map(\.module) {
            module.computeDType = dtype
            result = dtype
        }
        return result
    }

    /// Forgets all gradients.
    public func clearGradients() {
        for parameter in parameters() { parameter.gradient = nil }
    }
}

/// The walk over stored properties.
private struct ModuleWalk {
    var parameters: [NamedParameter] = []
    var modules: [(name: String, module: any Module)] = []
    private var seenParameters: Set<ObjectIdentifier> = []
    private var seenModules: Set<ObjectIdentifier> = []

    mutating func visit(_ module: any Module, path: String) {
        guard seenModules.insert(ObjectIdentifier(module)).inserted else { return }
        modules.append((path, module))
        if let naming = module as? any ParameterNaming {
            for own in naming.ownParameters {
                visitValue(own.parameter, path: path.isEmpty ? own.name : "\(path).\(own.name)")
            }
            return
        }
        var mirror: Mirror? = Mirror(reflecting: module)
        var levels: [Mirror] = []
        while let level = mirror {
            levels.append(level)
            mirror = level.superclassMirror
        }
        for level in levels.reversed() {
            for child in level.children {
                guard let label = child.label else { continue }
                visitValue(child.value, path: path.isEmpty ? label : "\(path).\(label)")
            }
        }
    }

    private mutating func visitValue(_ value: Any, path: String) {
        if let parameter = value as? Parameter {
            if seenParameters.insert(ObjectIdentifier(parameter)).inserted {
                parameters.append(NamedParameter(name: path, parameter: parameter))
            }
            return
        }
        if let module = value as? any Module {
            visit(module, path: path)
            return
        }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            if let child = mirror.children.first { visitValue(child.value, path: path) }
        case .collection where value is [any Module] || value is [Parameter] || value is [Any]:
            for (index, child) in mirror.children.enumerated() {
                visitValue(child.value, path: "\(path).\(index)")
            }
        default:
            audit(value, path: path, depth: 0)
        }
    }

    /// Looks for parameters where the walk would not find them.
    private func audit(_ value: Any, path: String, depth: Int) {
        if depth > 6 || value is String || value is Tensor || value is any Numeric { return }
        for (index, child) in Mirror(reflecting: value).children.enumerated() {
            let childPath = "\(path).\(child.label ?? String(index))"
            require(
                !(child.value is Parameter) && !(child.value is any Module),
                "the parameter or module at \(childPath) hides in a \(type(of: value)), which is not searched; hold it "
                    + "as a property, an optional or an array of a module"
            )
            audit(child.value, path: childPath, depth: depth + 1)
        }
    }
}
