/// Finds text that was read in the wrong encoding.
enum Mojibake {
    /// The number of scalars that look like UTF-8 read as Latin-1, Windows-1252 or GBK.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - han: The number of Chinese characters in it.
    /// - Returns: the number of scalars.
    static func count(_ bytes: UnsafeBufferPointer<UInt8>, han: Int) -> Int {
        var (latin, chinese, place) = (0, 0, 0)
        while place < bytes.count {
            guard bytes[place] >= 0xC3 else {
                place += 1
                continue
            }
            let (value, length) = scalar(in: bytes, at: place)
            if value < 0x100 {
                let (count, next) = sequence(bytes, at: place)
                latin += count
                place = count > 0 ? next : place + length
                continue
            }
            if Characters.isHan(value), gbkCharacters.contains(value) { chinese += 1 }
            place += length
        }
        // Some of these characters are rare words of their own; many of them are none.
        return latin + (chinese >= 3 && 10 * chinese > han ? han : 0)
    }

    /// The scalars at a place that, taken for bytes, are one scalar of UTF-8; 0 when they are not.
    private static func sequence(
        _ bytes: UnsafeBufferPointer<UInt8>,
        at start: Int
    ) -> (count: Int, next: Int) {
        let lead = scalar(in: bytes, at: start)
        let needed =
            0xC3...0xDF ~= lead.value
            ? 1 : (0xE0...0xEF ~= lead.value ? 2 : (0xF0...0xF4 ~= lead.value ? 3 : 0))
        guard needed > 0 else { return (0, start) }
        var place = start + lead.length
        for _ in 0..<needed {
            guard place < bytes.count else { return (0, start) }
            let (value, length) = scalar(in: bytes, at: place)
            guard 0x80...0xBF ~= value || windows1252.contains(value) else { return (0, start) }
            place += length
        }
        return (needed + 1, place)
    }

    /// What Windows-1252 has for the bytes 0x80 … 0x9F.
    private static let windows1252: Set<UInt32> = [
        0x20AC, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152,
        0x017D,
        0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153,
        0x017E,
        0x0178,
    ]

    /// What GBK reads for the first two bytes of a Chinese character in UTF-8 (E4 80 … E9 BF), common characters
    /// left out, and for two replacement characters in a row (锟斤拷).
    private static let gbkCharacters = Set(gbkText.unicodeScalars.map(\.value))
    private static let gbkText = """
        妗妞妤妫妯妲妾姊姒姗姘姝姣姹娅娆娈娉娌娑娓娣娲娴娼婀婊婕婢婧婵宀宄宓宕宥宸寤寮寰搴杈杌杓杞杩棣棰椁椋椐椤椴椹楂楗楝楠楣楦楫楱楸楹榀榄榇榈榉榘榛榧榫榭榻槌槎洄洇洌\
        洎洙洚洧洫洮洳洵洹浃浈浍浏浒浔浜浞浠浣浯浼涑涓涔涞涠淇渚澧澶澹濂濉濞濠濡濮濯瀚瀛瀣瀵瀹灏灞琚琛瑁瑕瑗瑙瑜瑭瑷瑾璀璁璇璋璎璐璜璞璧璨璩璺瓒甯纭纰纾绀绁绂绉绋绌绐绔\
        绗绛绠绡绨绫绮绯绱绲绶绺绻绾缁缂缃缇缈缍褰蹇鋩鋪鋫鋬鋭鋮鋯鋰鋱鋲鋳鋴鋵鋶鋷鋸鋹鋺鋻鋼鋽鋾鋿錀錁錂錃錄錅錆錇錈錉鍊鍋鍌鍍鍎鍏鍐鍑鍒鍓鍔鍕鍖鍗鍘鍙鍚鍛鍜鍝鍞鍟鍠鍡鍢\
        鍣鍤鍥鍦鍧鍨鍩鍫鎬鎭鎮鎯鎰鎱鎲鎳鎴鎵鎶鎷鎸鎹鎺鎻鎼鎽鎾鎿鏀鏁鏂鏃鏄鏅鏆鏇鏈鏉鏋鏌鏍鐎鐏鐐鐑鐒鐓鐔鐕鐖鐗鐘鐙鐚鐛鐜鐝鐞鐟鐠鐡鐢鐣鐤鐥鐦鐧鐨鐩鐪鐫鐬鐭鐮鑰鑱鑲鑳鑴鑵\
        鑶鑷鑸鑹鑺鑻鑼鑽鑾鑿钀钁钂钃钄钑钖钘铇铏铓铔铚铦铻锜锠閫閬閭閮閯閰閱閲閳閴閵閶閷閸閹閺閻閼閽閾閿闀闁闂闃闄闅闆闇闈闉闊闋韪韫韬骞锟拷
        """
}
