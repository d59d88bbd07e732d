/// The kinds of lines that pages repeat and readers skip.
public enum BoilerplateKind: String, Sendable, CaseIterable {
    /// Consent to cookies and privacy notices.
    case cookies = "cookie notice"
    /// Menus, breadcrumbs, "previous" and "next".
    case navigation
    /// Rights and licences of the site.
    case copyright
    /// Share and follow buttons.
    case share = "share buttons"
    /// "Read more" and "continue reading".
    case readMore = "read more"
    /// Page numbers.
    case pageNumbers = "page number"
    /// Log in, subscribe, newsletter.
    case account
    /// Advertisements.
    case advertisements = "advertisement"
    /// Buttons below articles: comments, likes, related articles.
    case comments
    /// Credits of editors and sources below Chinese news.
    case credits

    /// The kind's name in recipes.
    public var key: String { "\(self)" }
}

/// Decides whether a line is boilerplate.
struct BoilerplateRules: Sendable {
    private let kinds: Set<BoilerplateKind>
    private let exact: [String: BoilerplateKind]
    private let fragments: [(parts: [[UInt8]], kind: BoilerplateKind)]

    init(_ kinds: Set<BoilerplateKind>) {
        self.kinds = kinds
        var exact: [String: BoilerplateKind] = [:]
        for (kind, lines) in Self.wholeLines where kinds.contains(kind) {
            for line in lines.split(separator: "|") { exact[String(line)] = kind }
        }
        self.exact = exact
        fragments = Self.lineFragments.filter { kinds.contains($0.kind) }.flatMap { kind, list in
            list.split(separator: "|").map { entry in
                (parts: entry.split(separator: "+").map { Array($0.utf8) }, kind: kind)
            }
        }
    }

    /// The kind of a line; nil for a line of text.
    ///
    /// - Parameter line: a line without its line feed, not empty.
    /// - Returns: the kind, or nil.
    func kind(of line: UnsafeBufferPointer<UInt8>) -> BoilerplateKind? {
        let key = Self.key(of: line)
        if key.isEmpty { return nil }
        if kinds.contains(.pageNumbers), PageNumber.isMarked(line) { return .pageNumbers }
        if let kind = exact[String(decoding: key, as: UTF8.self)] { return kind }
        if kinds.contains(.navigation), Self.isMenu(key) { return .navigation }
        return key.withUnsafeBufferPointer { bytes in
            fragments.first { rule in rule.parts.allSatisfy { Self.occurs($0, in: bytes) } }?.kind
        }
    }

    private static func occurs(_ part: [UInt8], in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = part.first else { return true }
        var place = 0
        while let found = Characters.find(first, in: bytes, from: place), found + part.count <= bytes.count {
            // A word of ASCII must not begin or end inside another one.
            if part.indices.allSatisfy({ bytes[found + $0] == part[$0] }),
                found == 0 || !(Characters.isLetter(first) && Characters.isLetter(bytes[found - 1])),
                found + part.count == bytes.count
                    || !(Characters.isLetter(part[part.count - 1])
                        && Characters.isLetter(bytes[found + part.count]))
            {
                return true
            }
            place = found + 1
        }
        return false
    }

    /// A line in lower case with single spaces, without signs at its ends.
    private static func key(of line: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(line.count)
        var place = 0
        while place < line.count {
            let (value, length) = scalar(in: line, at: place)
            if Characters.isWhitespace(value) {
                if let last = key.last, last != 0x20 { key.append(0x20) }
            } else if length == 1 {
                key.append(Characters.lowercased(line[place]))
            } else {
                for offset in 0..<length { key.append(line[place + offset]) }
            }
            place += length
        }
        var slice = key[...]
        while let end = ends.first(where: { slice.starts(with: $0) }) { slice = slice.dropFirst(end.count) }
        while let end = ends.first(where: {
            slice.count >= $0.count && slice.suffix($0.count).elementsEqual($0)
        }) {
            slice = slice.dropLast(end.count)
        }
        return Array(slice)
    }

    /// Signs that are no part of a line's words at its ends.
    private static let ends: [[UInt8]] = [
        " ", ".", ":", "!", "|", "-", "*", "[", "]", "(", ")", ">", "<", "…", "»", "«", "›", "‹", "→", "←",
        "•", "·",
        "：", "！", "。", "【", "】", "［", "］", "（", "）", "＞", "＜", "▶", "►", "↓", "▼", "↑", "«",
    ].map { Array($0.utf8) }

    /// Whether a line is a row of menu entries: three or more, most of them words of menus.
    private static func isMenu(_ key: [UInt8]) -> Bool {
        guard key.contains(where: separatorStarts.contains) else { return false }
        return key.withUnsafeBufferPointer { bytes in
            var (entries, words, start, place) = (0, 0, 0, 0)
            while place <= bytes.count {
                let (value, length) = place < bytes.count ? scalar(in: bytes, at: place) : (UInt32(0x7C), 1)
                if separators.contains(value) {
                    var range = start..<place
                    while let first = range.first, bytes[first] == 0x20 { range.removeFirst() }
                    while let last = range.last, bytes[last] == 0x20 { range.removeLast() }
                    if !range.isEmpty {
                        entries += 1
                        if menuWords.contains(String(decoding: bytes[range], as: UTF8.self)) { words += 1 }
                    }
                    start = place + length
                }
                place += length
            }
            return entries >= 3 && 2 * words >= entries || entries == 2 && words == 2
        }
    }

    private static let separators = Set("|>/›»＞｜·•".unicodeScalars.map(\.value))
    private static let separatorStarts = ByteSet([0x7C, 0x3E, 0x2F, 0xE2, 0xC2, 0xEF])

    private static let menuWords = Set(
        ("home|about|about us|contact|contact us|blog|news|products|services|faq|help|support|login|log in|sign in|"
            + "sign up|register|search|sitemap|site map|privacy|privacy policy|terms|terms of use|terms of service|"
            + "terms & conditions|careers|jobs|press|advertise|archive|archives|categories|tags|gallery|shop|store|cart|"
            + "my account|account|events|forum|forums|links|rss|menu|next|previous|prev|back|legal|cookies|imprint|"
            + "disclaimer|accessibility|feedback|downloads|download|resources|community|partners|team|"
            + "首页|首頁|新闻|新聞|体育|體育|财经|財經|娱乐|娛樂|科技|汽车|汽車|房产|房產|视频|視頻|图片|圖片|博客|论坛|論壇|微博|登录|登錄|注册|註冊|"
            + "正文|关于我们|關於我們|联系我们|聯繫我們|网站地图|網站地圖|帮助|幫助|帮助中心|招聘|广告服务|隐私政策|隱私政策|服务条款|服務條款|"
            + "友情链接|友情鏈接|国内|国际|社会|军事|教育|旅游|健康|时尚|文化|游戏|读书|评论|专题|更多|返回首页|上一页|下一页|"
            + "产品中心|产品|服务|新闻中心|公司简介|在线留言|人才招聘|加入我们|免责声明|客服中心|我的|购物车|分类|标签|归档")
            .split(separator: "|").map(String.init)
    )

    /// Lines that are boilerplate as a whole.
    private static let wholeLines: [(BoilerplateKind, String)] = [
        (
            .navigation,
            "home|menu|main menu|search|skip to content|skip to main content|skip navigation|skip to navigation|"
                + "back to top|top|next|previous|prev|next page|previous page|next post|previous post|next article|"
                + "previous article|site map|sitemap|toggle navigation|close menu|open menu|go to top|"
                + "table of contents|jump to navigation|jump to search|about us|contact us|categories|archives|"
                + "首页|首頁|返回首页|返回首頁|返回顶部|返回頂部|回到顶部|回到頂部|上一页|上一頁|下一页|下一頁|上一篇|下一篇|上一章|下一章|"
                + "返回目录|返回目錄|目录|网站地图|網站地圖|网站导航|網站導航|跳到内容|跳至正文|导航|返回|返回列表|尾页|末页|"
                + "关于我们|联系我们|友情链接|当前位置|加入书签|加入收藏|设为首页|收藏本站"
        ),
        (
            .cookies,
            "accept|accept all|accept cookies|accept all cookies|reject all|decline|manage cookies|cookie settings|"
                + "cookie policy|manage preferences|i accept|i agree|got it|privacy settings|privacy policy|"
                + "接受|接受全部|全部接受|拒绝|全部拒绝|我同意|同意并继续|我知道了|管理偏好|隐私设置|隐私政策|接受所有cookie|接受 cookie"
        ),
        (
            .share,
            "share|share this|share this article|share this post|share this page|share on facebook|share on twitter|"
                + "share on linkedin|share on whatsapp|share via email|share on x|tweet|pin it|email this|"
                + "print this page|print|follow us|follow us on twitter|follow us on facebook|like us on facebook|"
                + "facebook|twitter|linkedin|pinterest|whatsapp|instagram|youtube|copy link|email|reddit|telegram|"
                + "click to share|click to print|"
                + "分享|分享到|分享至|分享到微信|分享到微博|分享给好友|转发|转发到微博|微信扫一扫|扫一扫|复制链接|微信好友|朋友圈|"
                + "新浪微博|关注我们|扫码关注|扫描二维码|微信分享|一键分享|分享本文|打印|打印本页|关闭窗口|字号|"
                + "qq空间|收藏|点赞收藏"
        ),
        (
            .readMore,
            "read more|continue reading|read the full article|read full story|read the rest|more|learn more|see more|"
                + "view more|show more|load more|view all|see all|click here|click here to read more|"
                + "click to read more|find out more|read on|full story|expand|show less|read the full story|"
                + "阅读更多|閱讀更多|阅读全文|閱讀全文|查看更多|查看全文|查看详情|点击查看|点击阅读|展开全文|展開全文|更多|了解更多|了解详情|"
                + "继续阅读|繼續閱讀|显示更多|加载更多|点击加载更多|全文阅读|点击阅读全文|收起|展开|阅读原文|更多精彩内容"
        ),
        (
            .account,
            "log in|login|sign in|sign up|register|subscribe|subscribe now|create account|create an account|"
                + "forgot password|forgot your password|my account|log out|sign out|join now|newsletter|"
                + "subscribe to our newsletter|sign up for our newsletter|join our mailing list|"
                + "already have an account|enter your email|your email address|register now|"
                + "登录|登錄|登入|注册|註冊|立即注册|立即登录|免费注册|忘记密码|忘記密碼|退出|退出登录|会员登录|用户登录|订阅|訂閱|立即订阅|"
                + "请登录|请先登录|登录/注册|登录注册|登录后查看|请登录后发表评论"
        ),
        (
            .advertisements,
            "advertisement|advertisements|ad|ads|sponsored|sponsored content|sponsored links|promoted|"
                + "advertisement - continue reading below|story continues below advertisement|"
                + "article continues below advertisement|ads by google|advertise with us|skip ad|"
                + "广告|廣告|推广|赞助商链接|广告合作|推荐广告|赞助内容|广告位|推广链接|跳过广告"
        ),
        (
            .comments,
            "comments|leave a comment|leave a reply|post a comment|add a comment|no comments|0 comments|view comments|"
                + "reply|like|dislike|report|report abuse|show comments|related articles|related posts|related|"
                + "related stories|you may also like|recommended|recommended for you|most popular|most read|trending|"
                + "popular posts|recent posts|recent comments|cancel reply|tags|filed under|be the first to comment|"
                + "comments are closed|write a comment|add comment|flag as inappropriate|"
                + "评论|評論|发表评论|發表評論|我要评论|网友评论|查看评论|暂无评论|回复|回覆|点赞|举报|赞|踩|相关阅读|相關閱讀|相关文章|相關文章|"
                + "相关新闻|相关推荐|推荐阅读|热门推荐|热门文章|猜你喜欢|为您推荐|最新评论|最新文章|热门评论|热点推荐|"
                + "延伸阅读|大家都在看|编辑推荐|精彩推荐|今日热点|评论列表|参与评论|写评论"
        ),
        (.credits, "责任编辑|責任編輯|责编|编辑|来源|稿件来源|本文来源|原标题|免责声明"),
    ]

    /// Pieces of lines that make a short line boilerplate; all pieces joined by a plus sign must occur.
    private static let lineFragments: [(kind: BoilerplateKind, list: String)] = [
        (
            .cookies,
            "uses cookies|use cookies|use of cookies|cookie policy|cookies policy|cookies+consent|cookies+browser|"
                + "accept+cookies|cookies+to improve|by continuing to use+site|by continuing to browse|"
                + "gdpr+consent|cookie preferences|使用+cookie|同意+cookie|cookies+体验|cookie+隐私"
        ),
        (
            .copyright,
            "all rights reserved|copyright ©|© copyright|copyright (c)|(c) copyright|©+inc|©+ltd|© 19|© 20|©19|©20|"
                + "copyright 19|copyright 20|版权所有|版權所有|著作權所有|保留所有权利|保留一切权利|保留所有權利|icp备|icp證|icp证|京公网安备|"
                + "公网安备|未经授权+转载|未经许可+转载|不得转载|轉載必究|转载必究|转载请注明|轉載請註明|powered by|增值电信业务经营许可证|"
                + "terms of use+privacy|terms of service+privacy|reproduction+prohibited|互联网新闻信息服务许可证"
        ),
        (
            .share,
            "share this:|share on+facebook|tweet this|follow us on|follow me on|like us on|opens in new window|"
                + "share+facebook+twitter|分享到+微博|分享到：|微信扫一扫|扫描+二维码|扫一扫+关注|关注+公众号|扫码+关注|长按+二维码|"
                + "分享至+微信|新浪微博+qq空间"
        ),
        (
            .readMore,
            "click here to+read|read more »|read more at|continue reading »|[read more|... read more|"
                + "点击阅读全文|点击查看更多|展开阅读全文|点击此处查看|阅读原文"
        ),
        (
            .account,
            "sign up for+newsletter|subscribe to our|subscribe to+newsletter|enter your email|log in to+comment|"
                + "logged in to+comment|sign in to+comment|join our newsletter|create a free account|"
                + "登录后+评论|登录后+发表|注册+会员|还没有账号|请先登录|立即注册"
        ),
        (.advertisements, "continues below advertisement|ads by|sponsored by:|广告合作+联系|商务合作+联系"),
        (
            .comments,
            "leave a comment|be the first to comment|your email address will not be published|"
                + "required fields are marked|comments are closed|people found this helpful|posted in:|filed under:|"
                + "发表评论|文明上网|网友评论仅|以上网友发言|评论仅代表"
        ),
        (
            .credits,
            "（责任编辑|（责编|(责任编辑|(责编|责任编辑：|責任編輯：|责编：|本文来源：|稿件来源：|来源：+编辑：|责任编辑:|"
                + "本文来自+作者|文章来源："
        ),
    ]
}

/// Lines that hold nothing but a page number.
enum PageNumber {
    /// Whether a line is a page number that is marked as one: `Page 3 of 9`, `- 3 -`, `第3页`, `3 / 9`.
    static func isMarked(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        guard line.count <= 48, line.contains(where: Characters.isDigit) || has("第", line) else {
            return false
        }
        // The shape of the line: digits as 0, no spaces, in lower case.
        var shape: [UInt8] = []
        var digits = 0
        for byte in line where !Characters.isSpace(byte) {
            if Characters.isDigit(byte) {
                digits += 1
                if digits > 8 { return false }
                if shape.last == 0x30 { continue }
                shape.append(0x30)
            } else {
                shape.append(Characters.lowercased(byte))
            }
        }
        return shapes.contains(String(decoding: shape, as: UTF8.self))
    }

    private static func has(_ word: StaticString, _ line: UnsafeBufferPointer<UInt8>) -> Bool {
        Characters.find(word, in: line, from: 0) != nil
    }

    private static let shapes: Set<String> = [
        "page0", "page0of0", "page0/0", "p.0", "pg.0", "pg0", "-0-", "--0--", "—0—", "–0–", "[0]", "~0~",
        "·0·", "•0•",
        "[page0]", "(page0)", "page:0", "page0.", "-page0-", "|0|", "0|page", "page|0", "0of0",
        "第0页", "第0頁", "第0页共0页", "第0页,共0页", "第0页，共0页", "第0页/共0页", "第0頁共0頁", "第0頁，共0頁", "共0页第0页", "共0页", "共0頁",
        "共0页，第0页", "第0/0页", "0/0页", "页码0", "页码：0", "页0",
    ]
}
