import Glibc

/// What the operating system says of this process, read anew at each rendering.
struct ProcessFigures {
    struct Figure {
        var name: String
        var help: String
        var isCounter: Bool
        var value: Double
    }

    /// A figure that cannot be read is left out.
    static func read() -> [Figure] {
        var figures: [Figure] = []
        if let bytes = residentBytes() {
            figures.append(
                .init(
                    name: "lineup_process_resident_memory_bytes", help: "Resident memory of the server process.",
                    isCounter: false, value: bytes))
        }
        if let seconds = processorSeconds() {
            figures.append(
                .init(
                    name: "lineup_process_cpu_seconds_total", help: "User and system CPU time of the server process.",
                    isCounter: true, value: seconds))
        }
        if let count = openDescriptors() {
            figures.append(
                .init(
                    name: "lineup_process_open_fds", help: "Open file descriptors of the server process.",
                    isCounter: false, value: Double(count)))
        }
        return figures
    }

    /// The second field of `/proc/self/statm`, in pages (proc(5)).
    private static func residentBytes() -> Double? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let bytes = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func processorSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(seconds) + Double(microseconds) / 1e6
    }

    /// Entries of `/proc/self/fd` without `.`, `..` and the one opened to read it.
    private static func openDescriptors() -> Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return max(0, count - 3)
    }
}
