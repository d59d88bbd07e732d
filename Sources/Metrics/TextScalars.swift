/// Whether a scalar separates words, as Python's `str.split` and `str.strip` see it.
@inline(__always)
func isSpace(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 {
        return scalar == 0x20 || (scalar >= 9 && scalar <= 13) || (scalar >= 0x1C && scalar <= 0x1F)
    }
    switch scalar {
    case 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return true
    default: return false
    }
}

/// Whether a scalar is one of the 32 marks of ASCII.
@inline(__always)
func isASCIIPunctuation(_ scalar: UInt32) -> Bool {
    (scalar >= 0x21 && scalar <= 0x2F) || (scalar >= 0x3A && scalar <= 0x40)
        || (scalar >= 0x5B && scalar <= 0x60) || (scalar >= 0x7B && scalar <= 0x7E)
}

/// Whether a scalar is 0 … 9.
@inline(__always)
func isASCIIDigit(_ scalar: UInt32) -> Bool { scalar >= 0x30 && scalar <= 0x39 }

/// Replaces `scalars` by the scalars of a text, lowercased or as they are.
func decode(_ text: String, lowercased: Bool = false, into scalars: inout [UInt32]) {
    scalars.removeAll(keepingCapacity: true)
    scalars.reserveCapacity(text.utf8.count)
    if !lowercased {
        for scalar in text.unicodeScalars { scalars.append(scalar.value) }
        return
    }
    var sigmas: [Int] = []
    for scalar in text.unicodeScalars {
        let value = scalar.value
        if value < 0x80 {
            scalars.append(value >= 0x41 && value <= 0x5A ? value | 0x20 : value)
        } else if (value >= 0x2E80 && value < 0xA640) || (value >= 0xAC00 && value < 0xD800) {
            scalars.append(value)
        } else if value == 0x3A3 {
            sigmas.append(scalars.count)
            scalars.append(0x3C3)
        } else if scalar.properties.changesWhenLowercased {
            for lower in scalar.properties.lowercaseMapping.unicodeScalars { scalars.append(lower.value) }
        } else {
            scalars.append(value)
        }
    }
    // A sigma at the end of a word has a form of its own.
    for place in sigmas where isFinalSigma(place, in: scalars) { scalars[place] = 0x3C2 }
}

/// Whether a sigma has cased letters before it and none after it, marks that take no part in casing aside.
private func isFinalSigma(_ place: Int, in scalars: [UInt32]) -> Bool {
    func isCased(_ places: some Sequence<Int>) -> Bool {
        for index in places {
            guard let properties = Unicode.Scalar(scalars[index])?.properties else { return false }
            if !properties.isCaseIgnorable { return properties.isCased }
        }
        return false
    }
    return isCased((0..<place).reversed()) && !isCased(place + 1..<scalars.count)
}

/// Replaces `words` by the runs of scalars between spaces.
func splitWords(_ scalars: [UInt32], into words: inout [Range<Int>]) {
    words.removeAll(keepingCapacity: true)
    var start = -1
    for (index, scalar) in scalars.enumerated() {
        if isSpace(scalar) {
            if start >= 0 { words.append(start..<index) }
            start = -1
        } else if start < 0 {
            start = index
        }
    }
    if start >= 0 { words.append(start..<scalars.count) }
}
