/// What English writes with a full stop that ends no sentence.
enum SentenceRules {
    /// Abbreviations that a name or number follows: never the end of a sentence.
    static let leading: Set<String> = [
        "mr", "mrs", "ms", "messrs", "mme", "mlle", "dr", "prof", "rev", "hon", "gen", "col", "maj", "capt",
        "cpt", "lt",
        "sgt", "cpl", "adm", "cmdr", "sen", "rep", "reps", "gov", "pres", "amb", "sec", "st", "ste", "mt",
        "ft", "fr",
        "sr", "supt", "det", "insp", "atty", "vs", "v", "no", "nos", "nr", "vol", "vols", "fig", "figs", "eq",
        "eqs", "ch",
        "pp", "pg", "ed", "eds", "art", "para", "approx", "ca", "cf", "e.g", "i.e", "eg", "viz", "esp",
        "attn", "ext",
        "tel", "dept", "univ", "op", "cit", "ibid", "trans", "illus", "al", "resp", "incl", "excl", "min",
        "max", "avg",
    ]

    /// Those of them that are words as well, unless a number follows.
    static let numbered: Set<String> = [
        "no", "nos", "art", "fig", "figs", "max", "min", "ed", "ch", "ext", "trans", "illus", "para", "op",
        "det",
    ]

    /// Abbreviations that may also end a sentence: they do when a word follows that often begins one.
    static let trailing: Set<String> = [
        "inc", "corp", "ltd", "co", "cos", "bros", "llc", "plc", "jr", "etc", "jan", "feb", "mar", "apr",
        "jun",
        "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "tues", "wed", "weds", "thu", "thur",
        "thurs",
        "fri", "ave", "blvd", "rd", "hwy", "ct", "sq", "bldg", "apt", "a.m", "p.m", "am", "pm", "u.s", "u.k",
        "u.n",
        "e.u", "d.c", "ph.d", "m.d", "b.a", "m.a", "b.c", "a.d", "u.s.a", "u.s.s.r", "a.k.a", "p.s", "r.i.p",
        "oz",
        "lb", "lbs", "hr", "hrs", "mins", "secs", "yr", "yrs", "mo", "mos", "wk", "wks", "sq", "cu", "kg",
        "km",
        "assn", "assoc", "mfg", "intl", "natl", "govt", "calif", "mass", "conn", "fla", "tex", "va", "pa",
        "ariz",
        "colo", "ill", "ind", "kan", "mich", "minn", "wash", "wis", "est", "misc", "def", "adj", "gal",
    ]

    /// Words that often begin a sentence and seldom stand with a capital inside one.
    static let starters: Set<String> = [
        "the", "a", "an", "this", "that", "these", "those", "he", "she", "it", "we", "they", "you", "i",
        "his", "her",
        "its", "our", "their", "my", "your", "there", "here", "in", "on", "at", "for", "from", "with", "by",
        "to", "as",
        "if", "when", "while", "after", "before", "since", "because", "although", "though", "but", "and",
        "so", "or",
        "however", "then", "now", "what", "who", "why", "how", "where", "which", "is", "are", "was", "were",
        "do",
        "does", "did", "can", "could", "will", "would", "should", "have", "has", "had", "not", "no", "yes",
        "some",
        "many", "most", "all", "one", "once", "please", "also", "another", "both", "each", "every", "even",
        "just",
        "let", "more", "moreover", "only", "other", "perhaps", "such", "thanks", "under", "until", "unlike",
        "there's",
        "it's", "i'm", "i've", "don't", "he's", "she's", "that's", "they're", "we're", "you're", "meanwhile",
        "still",
    ]

    /// Whether a scalar may close what a sentence stands in.
    static func isCloser(_ value: UInt32) -> Bool {
        switch value {
        case 0x22, 0x27, 0x29, 0x5D, 0x7D, 0xBB, 0x2019, 0x201D: true
        case 0x3009, 0x300B, 0x300D, 0x300F, 0x3011, 0x3015, 0x3017, 0xFF09, 0xFF02, 0xFF07, 0xFF3D, 0xFE42:
            true
        default: false
        }
    }

    /// Whether a scalar may open a sentence before its first letter.
    static func isOpener(_ value: UInt32) -> Bool {
        switch value {
        case 0x22, 0x27, 0x28, 0x5B, 0x7B, 0xAB, 0xBF, 0xA1, 0x2018, 0x201C: true
        case 0x3008, 0x300A, 0x300C, 0x300E, 0x3010, 0x3014, 0x3016, 0xFF08: true
        default: false
        }
    }

    /// Whether a scalar ends a sentence in East Asian text.
    static func isWideStop(_ value: UInt32) -> Bool {
        switch value {
        case 0x3002, 0xFF01, 0xFF1F, 0xFF61: true
        default: false
        }
    }

    /// Whether a scalar belongs to a cluster of stops.
    static func isStop(_ value: UInt32) -> Bool {
        switch value {
        case 0x2E, 0x21, 0x3F, 0x2026, 0x203C, 0x2047...0x2049, 0x22EF, 0xFF0E: true
        default: isWideStop(value)
        }
    }
}
