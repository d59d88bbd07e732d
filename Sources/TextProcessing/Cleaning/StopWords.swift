import YuyanFileFormats

/// Words that carry grammar and little meaning, such as "the" and 的.
public struct StopWords: Sendable, Equatable {
    /// The words, in lower case.
    public let words: Set<String>

    /// Creates a list.
    ///
    /// - Parameter words: the words; letter case does not count.
    public init(_ words: some Sequence<String>) { self.words = Set(words.map { $0.lowercased() }) }

    /// Reads a list from a file with one word on a line; empty lines and those that begin with `#` are passed over.
    ///
    /// - Parameter path: the file.
    /// - Throws: `FileFormatError` when it cannot be read or is not UTF-8.
    public init(path: String) throws {
        self.init(try WordList.read(path))
    }

    /// English function words.
    public static let english = StopWords(englishList.split(separator: " ").map(String.init))
    /// Chinese function words, simplified and traditional.
    public static let chinese = StopWords(chineseList.split(separator: " ").map(String.init))

    /// Whether a word is on the list.
    ///
    /// - Parameter word: any word; letter case does not count.
    /// - Returns: whether it is on the list.
    public func contains(_ word: some StringProtocol) -> Bool {
        words.contains(
            word.utf8.allSatisfy { $0 < 0x80 && !(0x41...0x5A ~= $0) } ? String(word) : word.lowercased()
        )
    }

    /// The words of both lists.
    ///
    /// - Parameter other: another list.
    /// - Returns: the list of all words.
    public func union(_ other: StopWords) -> StopWords { StopWords(words.union(other.words)) }

    private static let englishList = """
        a about above across after afterwards again against ago all almost alone along already also although always \
        am amid among amongst an and another any anybody anyhow anyone anything anyway anywhere are aren't around as \
        at away back be became because become becomes becoming been before beforehand behind being below beside \
        besides between beyond both but by can can't cannot could couldn't did didn't do does doesn't doing don't \
        done down due during each either else elsewhere enough etc even ever every everybody everyone everything \
        everywhere except few for former formerly from further furthermore had hadn't has hasn't have haven't having \
        he he'd he'll he's hence her here here's hereafter hereby herein hers herself him himself his how how's \
        however i i'd i'll i'm i've if in indeed inside instead into is isn't it it'd it'll it's its itself just \
        last latter lest let let's like likewise many may maybe me meanwhile might mightn't mine more moreover most \
        mostly much must mustn't my myself namely near neither never nevertheless next no nobody none nonetheless \
        noone nor not nothing now nowhere of off often on once one ones only onto or other others otherwise ought \
        our ours ourselves out outside over own per perhaps quite rather same several shall shan't she she'd she'll \
        she's should shouldn't since so some somebody somehow someone something sometime sometimes somewhere still \
        such than that that's the their theirs them themselves then thence there there's thereafter thereby \
        therefore therein these they they'd they'll they're they've this those though through throughout thus till \
        to together too toward towards under underneath unless unlike until up upon us very via was wasn't we we'd \
        we'll we're we've well were weren't what what's whatever when when's whence whenever where where's whereas \
        whereby wherein wherever whether which whichever while whither who who's whoever whole whom whose why why's \
        will with within without won't would wouldn't yes yet you you'd you'll you're you've your yours yourself \
        yourselves
        """

    private static let chineseList = """
        的 了 和 是 在 有 我 你 您 他 她 它 们 我们 你们 他们 她们 它们 咱 咱们 自己 人家 别人 大家 某 某些 某个 本 该 此 这 那 这个 那个 \
        这些 那些 这里 那里 这儿 那儿 这样 那样 这么 那么 这种 那种 这边 那边 这时 那时 此时 此处 此外 其 其中 其他 其它 其余 其实 其次 之 \
        之一 之前 之后 之间 之中 之类 者 所 所有 所以 所谓 因 因为 因此 因而 由 由于 由此 从 从而 从此 自 自从 自身 以 以及 以后 以前 以来 \
        以上 以下 以内 以外 以便 以免 以至 以致 于 于是 与 与其 及 及其 或 或者 或许 或是 并 并且 并非 而 而且 而是 而已 但 但是 但凡 \
        可 可是 可以 可能 可见 不 不过 不但 不仅 不仅仅 不只 不管 不论 不如 不然 不是 不能 不会 不同 不得 不得不 不要 不必 没 没有 无 \
        无论 非 非但 未 未必 别 莫 勿 也 也是 也许 也好 都 都是 就 就是 就算 就要 才 才能 只 只是 只有 只要 只能 只怕 还 还是 还有 还要 \
        又 又是 再 再者 再说 再则 更 更加 最 很 太 非常 十分 极 极其 极为 比较 较 较为 相当 稍 稍微 略 略微 几乎 大约 大概 大多 差不多 \
        仅 仅仅 单 单单 光 凡 凡是 每 每个 每当 各 各个 各种 各自 任 任何 任凭 一 一个 一些 一种 一样 一般 一直 一定 一旦 一方面 一面 \
        一边 一切 一下 一时 一来 两 几 几个 多 多少 多么 许多 若 若是 若非 如 如果 如何 如此 如下 如上 如同 假如 假使 假若 倘若 倘使 \
        倘 要 要是 要不 要不然 要么 除 除了 除非 除此之外 虽 虽然 虽说 尽管 尽 即 即使 即便 即若 即将 哪 哪怕 哪个 哪些 哪里 哪儿 纵然 \
        纵使 既 既然 既是 固然 然 然而 然后 然则 则 却 反而 反之 反过来 相反 否则 何 何况 何处 何以 何时 况且 甚至 甚而 甚至于 乃 乃至 \
        乃至于 便 便于 且 且说 尚 尚且 鉴于 基于 关于 对 对于 至 至于 至今 至少 跟 同 同时 同样 和 把 被 让 给 使 使得 令 叫 用 向 往 朝 \
        朝着 沿 沿着 顺着 随 随着 随后 随时 按 按照 依 依照 依据 根据 据 据此 凭 凭借 靠 经 经过 通过 为 为了 为着 为何 为什么 为止 替 \
        比 比如 比方 譬如 例如 像 好像 似乎 似的 一般来说 总之 总的来说 综上所述 换言之 换句话说 也就是说 具体地说 另 另外 另一方面 另一个 \
        什么 什么样 谁 谁人 怎 怎么 怎么样 怎么办 怎样 啊 吧 吗 呢 呀 哦 嘛 哪 啦 哇 哎 唉 嗯 哈 喂 嘿 咦 呵 呗 罢了 得 地 着 过 来 来着 \
        起 起来 去 上 上去 下 下去 下来 里 里面 中 内 外 前 后 后来 间 当 当时 当着 当然 正 正在 正是 正如 已 已经 曾 曾经 将 将要 刚 刚刚 \
        刚才 现在 马上 立刻 立即 常 常常 经常 时常 往往 总 总是 永远 偶尔 渐渐 逐渐 逐步 突然 忽然 究竟 到底 毕竟 果然 居然 竟 竟然 \
        简直 难道 难怪 何必 何尝 不妨 恰恰 恰好 恰巧 幸好 幸亏 多亏 反正 仍 仍然 仍旧 依然 依旧 照样 亦 皆 均 俱 全 全部 全都 整个 共 \
        一共 总共 一起 一同 互相 相互 彼此 分别 各位 诸位 诸如 诸 等 等等 云云 之所以 以为 能 能够 能否 会 应 应该 应当 必须 必 必然 需要 \
        需 敢 肯 愿意 愿 想 想要 是否 是的 是不是 有些 有时 有的 有关 有着 有人 到 到处 直到 直至 离 距 在于 处于 位于 个 些 点 次 种 第 \
        這 這個 這些 這裡 這樣 這麼 這種 個 們 我們 你們 他們 她們 它們 咱們 那個 那裡 那麼 那樣 為 為了 為什麼 與 從 對 對於 關於 於 於是 \
        後 後來 會 應該 應當 沒 沒有 無 無論 還 還是 還有 讓 給 將 過 來 說 時 當 當時 當然 雖然 儘管 既然 卻 並 並且 並非 並不 裡 裡面 嗎 \
        麼 什麼 怎麼 怎樣 誰 幾 幾乎 許多 這時 但凡 經過 經常 總是 總之 漸漸 實在 實際上 另外 別 別人 隨著 著 據 按照 根據 則 僅 僅僅 \
        只要 必須 須 需要 該 間 邊 兩 種 點
        """
}

/// Lists of words in files, one on a line.
enum WordList {
    /// Reads a list; empty lines and those that begin with `#` are passed over.
    static func read(_ path: String) throws -> [String] {
        let reader = try LineReader(path: path, maximumLineLength: 1 << 16)
        var words: [String] = []
        while let line = try reader.nextLine() {
            let bytes = line.utf8
            guard let first = bytes.firstIndex(where: { !Characters.isSpace($0) }),
                let last = bytes.lastIndex(where: { !Characters.isSpace($0) })
            else { continue }
            let word = String(decoding: bytes[first...last], as: UTF8.self)
            if word.utf8.first != UInt8(ascii: "#") { words.append(word) }
        }
        return words
    }
}

/// Removes stop words from text whose words are set apart by white space.
///
/// Chinese text must be cut into words before; a text without white space stays as it is unless it is one stop word.
public struct StopWordRemoval: TextOperator {
    /// The words that are removed.
    public let stopWords: StopWords
    private let identity: String

    /// Creates the operator.
    ///
    /// - Parameter stopWords: the words that are removed; English and Chinese function words by default.
    public init(_ stopWords: StopWords = StopWords.english.union(.chinese)) {
        self.stopWords = stopWords
        let print = TextFingerprint(stopWords.words.sorted().joined(separator: "\n"))
        identity = String(print.high, radix: 16)
    }

    /// The operator's name.
    public var name: String { "stop_word_removal" }
    /// The number of words and a fingerprint of the list.
    public var settings: String { "\(stopWords.words.count) words,\(identity)" }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Removes the stop words of a text with the white space behind them.
    ///
    /// - Parameter text: words set apart by white space.
    /// - Returns: the text without stop words, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var count = 0
        let result = text.rewritten { rewriter in
            let bytes = rewriter.bytes
            var place = 0
            while place < bytes.count {
                let start = place
                while place < bytes.count, !Characters.isSpace(bytes[place]) { place += 1 }
                let word = UnsafeBufferPointer(rebasing: bytes[start..<place])
                if 1...48 ~= word.count, stopWords.contains(String(decoding: word, as: UTF8.self)) {
                    count += 1
                    rewriter.removeWithSpace(start..<place)
                    while place < bytes.count, bytes[place] == 0x20 { place += 1 }
                } else if place == start {
                    place += 1
                }
            }
        }
        return TextOutcome(result, found: ["stop words": count])
    }
}
