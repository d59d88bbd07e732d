import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTextProcessing
import YuyanTokenizers

/// A reader that is fed with damaged input: whatever comes, it gives what it read or a typed error, in bounded time and
/// memory.
///
/// Everything follows from the seed of a run and the number of a case, so that any case can be replayed alone.
public struct FuzzTarget: Sendable {
    /// The target's name on the command line.
    public let name: String
    /// What it reads, in one line.
    public let summary: String
    private let make: @Sendable (inout FuzzGenerator) -> [UInt8]
    private let check: @Sendable (inout FuzzInput) throws -> Bool
    private let isRefusal: @Sendable (any Error) -> Bool

    /// A target.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - summary: What it reads.
    ///   - isRefusal: Whether an error is one that the reader may throw.
    ///   - make: A damaged input.
    ///   - check: Reads an input; false when it was refused without an error, ``FuzzFinding`` when a promise is broken.
    public init(
        _ name: String,
        _ summary: String,
        isRefusal: @escaping @Sendable (any Error) -> Bool = FuzzTarget.isTyped,
        make: @escaping @Sendable (inout FuzzGenerator) -> [UInt8],
        check: @escaping @Sendable (inout FuzzInput) throws -> Bool
    ) {
        (self.name, self.summary, self.isRefusal) = (name, summary, isRefusal)
        (self.make, self.check) = (make, check)
    }

    /// The input of a case.
    ///
    /// - Parameters:
    ///   - number: The case.
    ///   - seed: The seed of the run.
    /// - Returns: The bytes.
    public func input(of number: UInt64, seed: UInt64) -> [UInt8] {
        var random = FuzzGenerator(seed: seed, case: number)
        return make(&random)
    }

    /// Reads an input with the settings of a case.
    ///
    /// - Parameters:
    ///   - bytes: The input, from ``input(of:seed:)`` or made smaller.
    ///   - number: The case.
    ///   - seed: The seed of the run.
    ///   - folder: An existing folder for the files of the case.
    /// - Returns: True when something was read, false when it was refused.
    /// - Throws: ``FuzzFinding`` when the reader broke a promise, or threw an error of a kind that it must not.
    public func run(_ bytes: [UInt8], case number: UInt64, seed: UInt64, folder: String) throws -> Bool {
        var input = FuzzInput(
            bytes: bytes,
            folder: folder,
            random: FuzzGenerator(seed: seed, case: number, stream: 1)
        )
        do {
            return try check(&input)
        } catch let finding as FuzzFinding {
            throw finding
        } catch  where isRefusal(error) {
            return false
        } catch {
            throw FuzzFinding("an error of the kind \(type(of: error)): \(error)")
        }
    }

    /// Runs cases one after another.
    ///
    /// - Parameters:
    ///   - cases: Their numbers.
    ///   - seed: The seed of the run.
    ///   - folder: An existing folder for the files of the cases.
    /// - Returns: How many inputs were read and how many refused.
    /// - Throws: ``FuzzFinding`` that names the case.
    public func run(_ cases: Range<UInt64>, seed: UInt64, folder: String) throws -> (read: Int, refused: Int)
    {
        var (read, refused) = (0, 0)
        for number in cases {
            do {
                if try run(input(of: number, seed: seed), case: number, seed: seed, folder: folder) {
                    read += 1
                } else {
                    refused += 1
                }
            } catch let finding as FuzzFinding {
                throw FuzzFinding("\(name), seed \(seed), case \(number): \(finding)")
            }
        }
        return (read, refused)
    }

    /// Whether an error is one of the text wing's own, which say what is wrong with an input.
    ///
    /// - Parameter error: An error.
    /// - Returns: Whether it is.
    public static func isTyped(_ error: any Error) -> Bool {
        error is FileFormatError || error is ChatTemplateError || error is TokenizationError
            || error is CharacterModelError || error is LanguageModelError || error is OperatorError
            || error is SegmentationError
    }
}

/// A damaged input and what its case may use.
public struct FuzzInput {
    /// The bytes.
    public let bytes: [UInt8]
    /// A folder for files.
    public let folder: String
    /// Where the case's settings come from.
    public var random: FuzzGenerator

    /// Separates the files of an input that has several.
    static let separator = Array("\n\u{1}\u{1}\n".utf8)

    /// The bytes as UTF-8, with replacement characters where they are none.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Writes a file.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - bytes: Its content; the whole input when nil.
    /// - Returns: Its path.
    /// - Throws: What the operating system has against it.
    public func file(_ name: String, _ bytes: [UInt8]? = nil) throws -> String {
        let path = "\(folder)/\(name)"
        let bytes = bytes ?? self.bytes
        guard let file = fopen(path, "wb") else { throw FuzzFinding("cannot write \(path)") }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else { throw FuzzFinding("cannot write \(path)") }
        return path
    }

    /// The two files of an input; the second is empty where nothing separates them.
    var halves: (first: [UInt8], second: [UInt8]) {
        guard let cut = bytes.firstRange(of: Self.separator) else { return (bytes, []) }
        return (Array(bytes[..<cut.lowerBound]), Array(bytes[cut.upperBound...]))
    }
}

/// A broken promise of a reader.
public struct FuzzFinding: Error, CustomStringConvertible {
    /// What happened.
    public let description: String

    /// A finding.
    ///
    /// - Parameter description: What happened.
    public init(_ description: String) { self.description = description }
}
