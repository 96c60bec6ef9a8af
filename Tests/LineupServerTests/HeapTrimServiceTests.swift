import Testing

@testable import LineupServer

@Suite struct HeapTrimServiceTests {
    @Test func trimsOnceAfterMuchWasFreed() {
        let enough = HeapTrimService.Watermark.worthwhile
        var watermark = HeapTrimService.Watermark()
        let looks = [6 * enough, 4 * enough + 1, 4 * enough, 4 * enough - 1, 6 * enough, enough]
            .map { watermark.looked(inUse: $0) }
        #expect(looks == [false, false, true, false, false, true])
    }
}
