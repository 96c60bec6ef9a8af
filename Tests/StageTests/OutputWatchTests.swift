import OBSProtocol
import Testing

@testable import Stage

struct OutputWatchTests {
    private func sample(_ isStreaming: Bool, _ skipped: Double = 0, of total: Double = 0) -> OutputWatch.Sample {
        OutputWatch.Sample(
            isStreaming: isStreaming, isReconnecting: false, isRecording: false, skipped: skipped, total: total)
    }

    @Test func aStreamThatStoppedByItselfIsTold() {
        var watch = OutputWatch()
        #expect(watch.sampled(sample(true), wantsStream: nil, wantsRecord: nil) == [])
        #expect(watch.sampled(sample(false), wantsStream: nil, wantsRecord: nil) == [.stopped("stream")])
        #expect(watch.sampled(sample(false), wantsStream: nil, wantsRecord: nil) == [])
    }

    @Test func whatBeginsAndEndsBetweenTwoSamplesIsToldOnce() {
        var watch = OutputWatch()
        _ = watch.sampled(sample(false), wantsStream: nil, wantsRecord: nil)
        #expect(watch.changed("stream", isOn: true, wanted: true) == nil)
        #expect(watch.changed("stream", isOn: false, wanted: true) == .stopped("stream"))
        #expect(watch.sampled(sample(false), wantsStream: nil, wantsRecord: nil) == [])
        #expect(watch.changed("stream", isOn: true, wanted: false) == nil)
        #expect(watch.changed("stream", isOn: false, wanted: false) == nil)
    }

    @Test func aStreamThatWasToStopIsNoNews() {
        var watch = OutputWatch()
        _ = watch.sampled(sample(true), wantsStream: true, wantsRecord: nil)
        #expect(watch.sampled(sample(false), wantsStream: false, wantsRecord: nil) == [])
    }

    @Test func aStreamThatShouldRunIsAskedForThreeTimes() {
        var watch = OutputWatch()
        for _ in 0..<3 {
            #expect(watch.sampled(sample(false), wantsStream: true, wantsRecord: nil) == [.askAgain("stream")])
        }
        #expect(watch.sampled(sample(false), wantsStream: true, wantsRecord: nil) == [])
    }

    @Test func droppedFramesAreToldOnceUntilTheyLeaveAgain() {
        var watch = OutputWatch()
        _ = watch.sampled(sample(true, 0, of: 0), wantsStream: nil, wantsRecord: nil)
        #expect(
            watch.sampled(sample(true, 15, of: 150), wantsStream: nil, wantsRecord: nil) == [.dropping(percent: 10)])
        #expect(watch.dropped == 0.1)
        #expect(watch.sampled(sample(true, 45, of: 300), wantsStream: nil, wantsRecord: nil) == [])
        #expect(watch.sampled(sample(true, 45, of: 450), wantsStream: nil, wantsRecord: nil) == [])
        #expect(
            watch.sampled(sample(true, 60, of: 600), wantsStream: nil, wantsRecord: nil) == [.dropping(percent: 10)])
        // Began anew: the counts start from nothing.
        #expect(watch.sampled(sample(true, 0, of: 10), wantsStream: nil, wantsRecord: nil) == [])
    }
}
