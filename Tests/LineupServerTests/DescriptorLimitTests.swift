import Foundation
import LineupServer
import Testing

@Suite struct DescriptorLimitTests {
    @Test func isRaisedAsFarAsTheSystemAllows() {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        limit.rlim_cur = min(limit.rlim_cur, 512)
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        #expect(DescriptorLimit.raise() == UInt64(min(limit.rlim_max, 1_048_576)))
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        #expect(limit.rlim_cur == min(limit.rlim_max, 1_048_576))
    }
}
