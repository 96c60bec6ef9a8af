import Domain
import Metrics

/// `lineup_handover_*`: histograms of what each change of source cost. One set per channel and reason.
struct HandoverMetrics {
    private struct Series {
        let delay: Timer
        let videoGap: Recorder
        let audioGap: Timer
        let soundOffset: Timer
    }

    private let series: [HandoverRecord.Reason: Series]

    init(_ channel: ChannelName) {
        var series: [HandoverRecord.Reason: Series] = [:]
        for reason in HandoverRecord.Reason.allCases {
            let labels = [("channel", channel.text), ("reason", reason.rawValue)]
            series[reason] = Series(
                delay: Timer(label: "lineup_handover_decision_seconds", dimensions: labels),
                videoGap: Recorder(label: "lineup_handover_video_gap_frames", dimensions: labels),
                audioGap: Timer(label: "lineup_handover_audio_gap_seconds", dimensions: labels),
                soundOffset: Timer(label: "lineup_handover_sound_offset_seconds", dimensions: labels))
        }
        self.series = series
    }

    /// Gaps and overlaps count alike: by how much.
    func observe(_ record: HandoverRecord) {
        guard let series = series[record.reason] else { return }
        series.delay.recordNanoseconds((record.onAirAt - record.decidedAt).wholeNanoseconds)
        series.videoGap.record(abs(record.videoGapFrames))
        series.audioGap.recordNanoseconds(abs(record.audioGap.nanoseconds))
        series.soundOffset.recordNanoseconds(abs(record.soundOffset.nanoseconds))
    }
}
