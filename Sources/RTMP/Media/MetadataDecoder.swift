package import Domain
package import NIOCore

extension StreamMetadata {
    /// Reads a data message: `onMetaData` with or without `@setDataFrame` before it. `nil` for any other.
    ///
    /// ffmpeg and OBS name only the tracks they send (`videocodecid`, `audiocodecid`), so one named without the other promises
    /// that the other will not come.
    /// - Throws: `RTMPError` for AMF that is damaged or over its limits.
    package init?(dataMessage body: ByteBuffer) throws(RTMPError) {
        var decoder = AMF0Decoder(body)
        var name = try decoder.next()?.string
        if name == "@setDataFrame" { name = try decoder.next()?.string }
        guard name == "onMetaData", let object = try decoder.next()?.object else { return nil }
        self.init()
        width = object["width"].flatMap { Self.whole($0, in: 1...65_535) }
        height = object["height"].flatMap { Self.whole($0, in: 1...65_535) }
        frameRate = (object["framerate"] ?? object["fps"])?.number.flatMap { (0.01...1000).contains($0) ? $0 : nil }
        encoder = object["encoder"]?.string.flatMap { PeerText.cleaned($0, maximumCharacters: 128) }
        let namesVideo = object["videocodecid"] != nil || object["videodatarate"] != nil || width != nil
        let namesAudio = object["audiocodecid"] != nil || object["audiodatarate"] != nil
        let namesAny = namesVideo || namesAudio
        hasVideo = object["hasVideo"]?.boolean ?? (namesAny ? namesVideo : nil)
        hasAudio = object["hasAudio"]?.boolean ?? (namesAny ? namesAudio : nil)
    }

    private static func whole(_ value: AMF0Value, in range: ClosedRange<Int>) -> Int? {
        guard let number = value.number, number.isFinite, number >= Double(range.lowerBound),
            number <= Double(range.upperBound)
        else { return nil }
        return Int(number)
    }
}

/// Text of a peer, made fit for a log or a page.
enum PeerText {
    /// Without control characters and line separators, cut at `maximumCharacters`; `nil` when nothing is left.
    static func cleaned(_ text: String, maximumCharacters: Int) -> String? {
        let kept = text.unicodeScalars.lazy.filter { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: false
            default: true
            }
        }
        // Scalars, not characters: one character can hold any number of combining marks.
        let result = String(String.UnicodeScalarView(kept.prefix(maximumCharacters)))
        return result.isEmpty ? nil : result
    }
}
