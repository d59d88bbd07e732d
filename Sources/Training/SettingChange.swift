/// A setting that a run went on with under another value than before.
public struct SettingChange: Codable, Equatable, Sendable, CustomStringConvertible {
    /// The steps that were done before it.
    public let step: Int
    /// The setting's key with its section, for example `training.learning_rate`.
    public let key: String
    /// The value until then, as JSON.
    public let before: String
    /// The value from then on, as JSON.
    public let after: String

    /// The key with both values.
    public var description: String { "\(key) was \(before) and is \(after)" }

    /// What differs between the settings of a checkpoint and those of a run that is to go on from it.
    ///
    /// A key that only one of them has is passed over: another version of the program wrote the checkpoint.
    ///
    /// - Parameters:
    ///   - old: The checkpoint's settings by key.
    ///   - new: The run's.
    ///   - step: The checkpoint's step.
    /// - Returns: The changes in the order of their keys.
    static func between(_ old: [String: String], _ new: [String: String], step: Int) -> [SettingChange] {
        old.keys.sorted().compactMap { key in
            guard let before = old[key], let after = new[key], before != after else { return nil }
            return SettingChange(step: step, key: key, before: before, after: after)
        }
    }
}
