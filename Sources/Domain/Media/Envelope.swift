/// What a channel takes of its publishers (design §5). A DJ outside it is received, measured and told why they are not ready;
/// their media does not reach the channel.
package struct Envelope: Sendable, Hashable {
    /// H.264 and HEVC are what the programme can carry. Of H.264 only 4:2:0 with 8 bits, of HEVC only the Main profile, which is
    /// that; Main 10 is not taken.
    package var videoCodecs: Set<VideoFormat.Codec> = [.h264]
    /// Of AAC only AAC-LC.
    package var audioCodecs: Set<AudioFormat.Codec> = [.aac]
    package var maximumWidth = 1920
    package var maximumHeight = 1080
    package var maximumFrameRate = 60.0
    /// Of video and audio together.
    package var maximumBitsPerSecond = 10_000_000
    package var maximumAudioChannels = 2

    package init() {}

    /// Why a format's coding cannot go on air, in words for the DJ; `nil` when it can. Size and rates are looked at elsewhere:
    /// what exceeds those can still be handed on.
    package func codecReason(_ format: TrackFormat) -> String? {
        switch format {
        case .video(let video): videoReason(video)
        case .audio(let audio): audioReason(audio)
        }
    }

    private func videoReason(_ format: VideoFormat) -> String? {
        guard videoCodecs.contains(format.codec) else {
            let taken = VideoFormat.Codec.allCases.filter(videoCodecs.contains)
            let advice =
                switch taken {
                case [.h264]: "set the encoder to x264, NVENC H.264, QuickSync H.264 or another H.264 encoder."
                case [.hevc]: "set the encoder to x265, NVENC HEVC, QuickSync HEVC or another HEVC encoder."
                default: "choose one of these in the encoder."
                }
            return
                "Your encoder sends \(format.codec.name); this channel takes \(Self.list(taken.map(\.name))): \(advice)"
        }
        guard format.chromaFormat == 1, format.bitDepth == 8 else {
            return "Your colour format is not 4:2:0 with 8 bits: choose NV12 or yuv420p in the encoder."
        }
        guard format.codec != .hevc || Self.isMainHEVC(format) else {
            return "Your encoder sends HEVC in another profile than Main: choose the profile main in the encoder."
        }
        return nil
    }

    /// `general_profile_idc` or `general_profile_compatibility_flag` 1 (ITU-T H.265 §A.3.2).
    private static func isMainHEVC(_ format: VideoFormat) -> Bool {
        format.profile == 1 || format.configuration.count > 2 && format.configuration[2] & 0x40 != 0
    }

    private func audioReason(_ format: AudioFormat) -> String? {
        let taken = Self.list(
            AudioFormat.Codec.allCases.filter(audioCodecs.contains).map { $0 == .aac ? "AAC-LC" : $0.name })
        let advice = "this channel takes \(taken): choose it as the audio encoder."
        guard audioCodecs.contains(format.codec) else {
            return "Your encoder sends \(format.codec.name) sound; " + advice
        }
        guard format.codec == .aac, let name = Self.unusualAAC(format) else { return nil }
        return "Your encoder sends \(name) sound; " + advice
    }

    /// The name of an AAC that is not AAC-LC.
    private static func unusualAAC(_ format: AudioFormat) -> String? {
        if format.hasParametricStereo || format.objectType == 29 { return "HE-AAC v2" }
        if format.hasSpectralBandReplication || format.objectType == 5 { return "HE-AAC" }
        return format.objectType == 2 ? nil : "AAC of object type \(format.objectType)"
    }

    private static func list(_ names: [String]) -> String {
        names.count > 1
            ? names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "") : names.first ?? "nothing"
    }
}
