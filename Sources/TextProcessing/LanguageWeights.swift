/// The weights of the shared language identifier.
enum LanguageWeights {
    static func decoded() -> [UInt8] { [] }
}
