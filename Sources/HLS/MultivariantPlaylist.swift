package import Domain

/// A multivariant playlist (RFC 8216 §4.3.4): which renditions a channel has and what a player must be able to decode.
package struct MultivariantPlaylist: Sendable, Equatable {
    /// One rendition, audio and video together in its media playlist.
    package struct Variant: Sendable, Equatable {
        package var name: String
        /// The peak of any segment, container included, in bits per second (§4.3.4.2).
        package var bandwidth: Int
        /// RFC 6381 names, video before audio.
        package var codecs: [String]
        package var width: Int
        package var height: Int
        /// The highest, in pictures per second.
        package var frameRate: Double

        package init(
            name: String, bandwidth: Int, codecs: [String], width: Int, height: Int, frameRate: Double
        ) {
            self.name = name
            self.bandwidth = bandwidth
            self.codecs = codecs
            self.width = width
            self.height = height
            self.frameRate = frameRate
        }

        /// The variant that declares what a channel takes, not what it happens to show now (design §5, Envelope).
        package init(name: String, envelope: Envelope) {
            let level = CodecString.h264Level(
                width: envelope.maximumWidth, height: envelope.maximumHeight, frameRate: envelope.maximumFrameRate)
            self.init(
                name: name,
                // One in a hundred more: the fMP4 boxes around what the envelope limits.
                bandwidth: envelope.maximumBitsPerSecond / 100 * 101,
                codecs: [CodecString.h264(profile: 100, constraints: 0, level: level), CodecString.aac(objectType: 2)],
                width: envelope.maximumWidth, height: envelope.maximumHeight, frameRate: envelope.maximumFrameRate)
        }
    }

    package var variants: [Variant]

    package init(variants: [Variant]) {
        self.variants = variants
    }

    /// The playlist's UTF-8 text, lines ended by LF.
    package func rendered() -> String {
        var text = "#EXTM3U\n#EXT-X-VERSION:7\n"
        for variant in variants {
            let codecs = variant.codecs.joined(separator: ",")
            let frameRate = thousandths(variant.frameRate)
            text += "#EXT-X-STREAM-INF:BANDWIDTH=\(variant.bandwidth),CODECS=\"\(codecs)\","
            text += "RESOLUTION=\(variant.width)x\(variant.height),FRAME-RATE=\(frameRate)\n\(variant.name)\n"
        }
        return text
    }
}

/// A decimal with exactly three places (§4.3.4.2, FRAME-RATE).
private func thousandths(_ value: Double) -> String {
    let count = Int((max(0, min(value, 1_000_000)) * 1000).rounded())
    let digits = String(count % 1000)
    return "\(count / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
}
