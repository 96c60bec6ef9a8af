import Glibc
import NIOCore

// SwiftPM writes a `main` of its own, so libFuzzer's is not used and its driver is called here.
//
//     FuzzRTMP TARGET [libFuzzer's arguments]      FuzzRTMP --list

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// libFuzzer's own `main` would call this; it is in the library and wants the name.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ pointer: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    chosen?.run(ByteBuffer(bytes: UnsafeBufferPointer(start: pointer, count: count)))
    return 0
}

private let words = CommandLine.arguments
if words.dropFirst().first == "--list" {
    for target in FuzzTarget.allCases { print(target.rawValue) }
    exit(0)
}
// Set before the one thread of the fuzzer runs, never after.
private nonisolated(unsafe) let chosen = words.dropFirst().first.flatMap(FuzzTarget.init(rawValue:))
guard chosen != nil else {
    print("FuzzRTMP: the first argument must be one of --list's targets")
    exit(2)
}
// libFuzzer sees the program's name and what follows the target.
private var count = CommandLine.argc - 1
private var arguments = CommandLine.unsafeArgv + 1
exit(runDriver(&count, &arguments) { fuzz($0, $1) })
