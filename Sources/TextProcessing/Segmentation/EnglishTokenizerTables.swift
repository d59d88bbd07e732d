/// Word lists of the English tokenizer.
enum EnglishWords {
    /// Words written with a full stop at their end.
    static let abbreviations: Set<String> = SentenceRules.leading.subtracting([
        "v", "no", "al", "min", "max", "ed", "art",
    ])
    .union(
        SentenceRules.trailing.subtracting([
            "am", "pm", "mar", "sun", "sat", "mass", "ill", "ind", "wash", "def", "est",
        ])
    )
    .union([
        "al", "b", "c", "d", "e", "f", "g", "h", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u",
        "v", "w",
    ])
    .union(["x", "y", "z", "a"])

    /// Contractions without an apostrophe, and where they are cut.
    static let cuts: [String: [Int]] = [
        "cannot": [3], "gonna": [3], "gotta": [3], "wanna": [3], "lemme": [3], "gimme": [3], "dunno": [2, 3],
        "dont": [2], "doesnt": [4], "didnt": [3], "isnt": [2], "arent": [3], "wasnt": [3], "werent": [4],
        "havent": [4], "hasnt": [3], "hadnt": [3], "wouldnt": [5], "couldnt": [5], "shouldnt": [6],
        "cant": [2],
        "wont": [2], "aint": [2], "im": [1], "ive": [1], "thats": [4], "whats": [4], "theres": [5],
        "youre": [3],
        "youve": [3], "theyre": [4], "theyve": [4], "weve": [2], "'tis": [2], "'twas": [2], "y'all": [2],
    ]

    /// Beginnings that stay joined to the word behind their hyphen.
    static let prefixes: Set<String> = [
        "e", "co", "re", "pre", "non", "post", "anti", "semi", "multi", "mid", "ex", "un", "over", "sub",
        "inter",
        "pro", "ultra", "neo", "bi", "tri", "micro", "macro", "counter", "de", "dis", "extra", "hyper",
        "mini",
        "psycho", "quasi", "super", "trans", "under", "uber", "uh", "mis", "mega", "pseudo", "socio",
    ]

    /// Faces, longest first.
    static let emoticons: [[UInt8]] = [
        ">:-(", ":'-(", ":-))", ":-((", ">:(", ":-)", ":-(", ";-)", ":-D", ":-P", ":-/", ":'(", "=-)", "^_^",
        "-_-",
        "o_O", "O_o", "(-:", ":))", ":((", ":)", ":(", ";)", ":D", ":P", ":/", "=)", "=(", "(:", ":]", ":[",
        ":|", "<3",
    ].map { Array($0.utf8) }
}
