package import Domain

/// A multivariant playlist (draft-pantos-hls-rfc8216bis §4.4.6): which renditions a channel has and what a player must be
/// able to decode. It declares what the channel takes, not what it happens to show now (design §5, Envelope).
package struct MultivariantPlaylist: Sendable, Equatable {
    /// One variant: a media playlist with all of its tracks in it.
    package struct Variant: Sendable, Equatable {
        package var name: String
        /// The peak of any segment, container included, in bits per second (§4.4.6.2).
        package var bandwidth: Int
        /// The average of all segments, at most; as `bandwidth`.
        package var averageBandwidth: Int
        /// RFC 6381 names, video before audio.
        package var codecs: [String]
        /// `nil` without pictures.
        package var picture: Picture?

        package struct Picture: Sendable, Equatable {
            package var width: Int
            package var height: Int
            /// The highest, in pictures per second.
            package var frameRate: Double
        }

        package init(
            name: String, bandwidth: Int, averageBandwidth: Int, codecs: [String], picture: Picture?
        ) {
            self.name = name
            self.bandwidth = bandwidth
            self.averageBandwidth = averageBandwidth
            self.codecs = codecs
            self.picture = picture
        }

        /// - Parameter overhead: what the container adds to the media's bits, in hundredths.
        private static func pictureAndSound(name: String, envelope: Envelope, overhead: Int) -> Variant {
            let bandwidth = envelope.maximumBitsPerSecond / 100 * (100 + overhead)
            return Variant(
                name: name, bandwidth: bandwidth, averageBandwidth: bandwidth,
                codecs: videoCodecs(envelope) + [CodecString.aac(objectType: 2)],
                picture: Picture(
                    width: envelope.maximumWidth, height: envelope.maximumHeight, frameRate: envelope.maximumFrameRate))
        }

        /// Every codec that may come: a player that lacks one of them cannot play the variant to its end (§4.4.6.2, CODECS).
        private static func videoCodecs(_ envelope: Envelope) -> [String] {
            let (width, height, rate) = (envelope.maximumWidth, envelope.maximumHeight, envelope.maximumFrameRate)
            var codecs: [String] = []
            if envelope.videoCodecs.contains(.h264) {
                let level = CodecString.h264Level(width: width, height: height, frameRate: rate)
                codecs.append(CodecString.h264(profile: 100, constraints: 0, level: level))
            }
            if envelope.videoCodecs.contains(.hevc) {
                let level = CodecString.hevcLevel(width: width, height: height, frameRate: rate)
                codecs.append(CodecString.hevcMain(level: level))
            }
            return codecs
        }

        /// One in a hundred more: the boxes around what the envelope limits.
        package static func fragmented(name: String, envelope: Envelope) -> Variant {
            pictureAndSound(name: name, envelope: envelope, overhead: 1)
        }

        /// Four bytes of header to 184 of payload, the packets filled up, ADTS: at most eight in a hundred.
        package static func transportStream(name: String, envelope: Envelope) -> Variant {
            pictureAndSound(name: name, envelope: envelope, overhead: 8)
        }

        /// No AAC-LC is larger than 6,144 bits per channel and frame of 1,024 samples (ISO/IEC 14496-3 §4.5.3.1): 288,000 bits a
        /// second at 48 kHz; the boxes add less than 8,000.
        package static func audio(name: String, envelope: Envelope) -> Variant {
            let bandwidth = 288_000 * envelope.maximumAudioChannels + 8_000
            return Variant(
                name: name, bandwidth: bandwidth, averageBandwidth: bandwidth,
                codecs: [CodecString.aac(objectType: 2)], picture: nil)
        }
    }

    package var variants: [Variant]

    package init(variants: [Variant]) {
        self.variants = variants
    }

    /// The playlist's UTF-8 text, lines ended by LF.
    package func rendered() -> String {
        var text = "#EXTM3U\n#EXT-X-VERSION:6\n"
        for variant in variants {
            let codecs = variant.codecs.joined(separator: ",")
            text += "#EXT-X-STREAM-INF:BANDWIDTH=\(variant.bandwidth),AVERAGE-BANDWIDTH=\(variant.averageBandwidth),"
            text += "CODECS=\"\(codecs)\""
            if let picture = variant.picture {
                let frameRate = thousandths(picture.frameRate)
                text += ",RESOLUTION=\(picture.width)x\(picture.height),FRAME-RATE=\(frameRate)"
            }
            text += "\n\(variant.name)\n"
        }
        return text
    }
}

/// A decimal with exactly three places (§4.4.6.2, FRAME-RATE).
private func thousandths(_ value: Double) -> String {
    let count = Int((max(0, min(value, 1_000_000)) * 1000).rounded())
    let digits = String(count % 1000)
    return "\(count / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
}
