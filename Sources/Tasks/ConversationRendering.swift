import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTokenizers

/// A chat template with the special tokens that it may print, found by a name or a path.
public struct ConversationRendering: Sendable {
    /// The template.
    public let template: ChatTemplate
    /// The text of the token that begins a text; nil where the template must do without.
    public let bosToken: String?
    /// The text of the token that ends a text; nil where the template must do without.
    public let eosToken: String?

    /// Finds a template.
    ///
    /// - Parameters:
    ///   - place: The name of a built-in template, a file of Jinja, or a model folder that has a template and tells its
    ///     special tokens.
    ///   - tokens: The model folder that tells the special tokens when `place` is none.
    /// - Throws: `FileFormatError` when there is no such template; `ChatTemplateError` with the place in the template.
    public init(_ place: String, tokensOf tokens: String? = nil) throws {
        let isFolder = Self.isFolder(place)
        let framing = isFolder ? place : tokens.flatMap { Self.isFolder($0) ? $0 : nil }
        (bosToken, eosToken) = try framing.map { try ChatTemplateFile.frameTokens(folder: $0) } ?? (nil, nil)
        if let built = BuiltInChatTemplate(rawValue: place) {
            template = try ChatTemplate(built.source)
        } else if isFolder {
            guard let own = try ChatTemplateFile.read(folder: place) else {
                throw FileFormatError(
                    .missing,
                    path: place,
                    "the folder has no chat template (chat_template.jinja, or chat_template in "
                        + "tokenizer_config.json); \(Self.builtIn)"
                )
            }
            template = try ChatTemplate(own.source)
        } else {
            do {
                template = try ChatTemplate(try SafeFile.readText(place, limit: 1 << 23))
            } catch let error as FileFormatError where error.code == .notFound {
                let names = BuiltInChatTemplate.allCases.map(\.rawValue)
                throw FileFormatError(
                    .notFound,
                    path: place,
                    "there is no such file or folder, and no such template; \(Self.builtIn)"
                        + NameSuggestion.words(for: place, among: names)
                )
            }
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static var builtIn: String {
        "built in are " + BuiltInChatTemplate.allCases.map(\.rawValue).joined(separator: ", ")
    }

    /// Renders a conversation with the parts that a model is trained to write.
    ///
    /// - Parameter conversation: The conversation.
    /// - Returns: The text and its parts.
    /// - Throws: `ChatTemplateError` when the template refuses the conversation.
    public func trainingText(
        _ conversation: ConversationExample
    ) throws(ChatTemplateError) -> ChatTrainingText {
        try template.renderWithTrainingSpans(
            messages: conversation.messages.map(\.json),
            tools: conversation.tools.map { $0.arrayValue ?? [$0] },
            bosToken: bosToken,
            eosToken: eosToken
        )
    }

    /// Renders a conversation up to where the assistant has the last word, and the beginning of its answer.
    ///
    /// - Parameter conversation: The conversation; what the assistant says at its end is left out.
    /// - Returns: The text that a model goes on from.
    /// - Throws: `ChatTemplateError` when the template refuses the conversation.
    public func prompt(_ conversation: ConversationExample) throws(ChatTemplateError) -> String {
        var messages = conversation.messages
        while messages.last?.role == .assistant { messages.removeLast() }
        return try template.render(
            messages: messages.map(\.json),
            tools: conversation.tools.map { $0.arrayValue ?? [$0] },
            addGenerationPrompt: true,
            bosToken: bosToken,
            eosToken: eosToken
        )
    }
}
