import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The chat template of a model folder, with the special tokens that it may print.
public struct ChatTemplateFile: Sendable, Hashable {
    /// The template.
    public let source: String
    /// The text of the token that begins a text.
    public let bosToken: String?
    /// The text of the token that ends a text.
    public let eosToken: String?

    private static let limit = 1 << 23

    /// Finds the chat template of a folder: `chat_template.jinja`, or else `chat_template` of `tokenizer_config.json`,
    /// a text or a list of templates with names.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - name: Which of several templates.
    /// - Returns: nil when the folder has none.
    /// - Throws: `FileFormatError` when a file cannot be read, or has templates but none of that name.
    public static func read(
        folder: String,
        name: String = "default"
    ) throws(FileFormatError) -> ChatTemplateFile? {
        let path = "\(folder)/tokenizer_config.json"
        let configuration = try configuration(path)
        var source: String?
        let others = "\(folder)/additional_chat_templates/\(name).jinja"
        let plain = "\(folder)/chat_template.jinja"
        if name == "default", access(plain, F_OK) == 0 {
            source = try SafeFile.readText(plain, limit: limit)
        } else if name != "default", isFileName(name), access(others, F_OK) == 0 {
            source = try SafeFile.readText(others, limit: limit)
        } else {
            source = try named(name, configuration["chat_template"] ?? .null, path)
        }
        return source.map {
            ChatTemplateFile(
                source: $0,
                bosToken: token("bos_token", configuration),
                eosToken: token("eos_token", configuration)
            )
        }
    }

    /// The texts of the tokens that begin and end a text, as a model folder's `tokenizer_config.json` tells them.
    ///
    /// - Parameter folder: The folder.
    /// - Returns: nil for each that is not told.
    /// - Throws: `FileFormatError` when the file cannot be read.
    public static func frameTokens(folder: String) throws(FileFormatError) -> (bos: String?, eos: String?) {
        let configuration = try configuration("\(folder)/tokenizer_config.json")
        return (token("bos_token", configuration), token("eos_token", configuration))
    }

    private static func configuration(_ path: String) throws(FileFormatError) -> JSONValue {
        access(path, F_OK) == 0 ? try JSONValue(contentsOf: path) : .object(JSONObject())
    }

    /// Whether a name leads to no other folder.
    private static func isFileName(_ name: String) -> Bool {
        !name.utf8.isEmpty && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
    }

    private static func named(
        _ name: String,
        _ value: JSONValue,
        _ path: String
    ) throws(FileFormatError) -> String? {
        func fail(_ message: String) -> FileFormatError {
            FileFormatError(.mismatch, path: path, at: .key("chat_template"), message)
        }
        switch value {
        case .null: return nil
        case .string(let text):
            guard name == "default" else { throw fail("has one template without name, and not '\(name)'") }
            return text
        case .array(let templates):
            var names: [String] = []
            for template in templates {
                guard let found = template["name"]?.stringValue, let text = template["template"]?.stringValue
                else {
                    throw fail("must be a text, or a list of objects with 'name' and 'template'")
                }
                if JinjaText.same(found, name) { return text }
                names.append("'\(found)'")
            }
            throw fail("has no template '\(name)', only \(names.joined(separator: ", "))")
        default: throw fail("must be a text or a list, found \(value.kindName)")
        }
    }

    /// A special token, written as a text or as an object with `content`.
    private static func token(_ name: String, _ configuration: JSONValue) -> String? {
        configuration[name]?.stringValue ?? configuration[name]?["content"]?.stringValue
    }
}
