/// Whether texts are written in Chinese characters.
enum ChineseShare {
    /// True when one in five of the letters of the first texts is a Chinese character.
    static func isLarge(in texts: some Sequence<String>) -> Bool {
        var (letters, chinese) = (0, 0)
        for text in texts.prefix(1000) {
            for scalar in text.unicodeScalars where scalar.properties.isAlphabetic {
                letters += 1
                if scalar.properties.isIdeographic { chinese += 1 }
            }
        }
        return chinese * 5 > letters
    }
}
