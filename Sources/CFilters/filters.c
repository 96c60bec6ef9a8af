// libavfilter brings thirty-odd libraries with it (voices, speech recognition, Vulkan), 13 MB of the server's resident memory and a
// part of its start. Only workers filter, so it is loaded at the first call of one of its functions, of which those we use are
// defined here. Another one that is used and not defined here is an error of the linker.
#include <dlfcn.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

#define TEXT_(value) #value
#define TEXT(value) TEXT_(value)

/// The library these headers are of; NULL where the machine has none. Stays for the process's life.
static void *function(const char *name) {
    // The loader has a lock of its own, and gives one library out once.
    void *library = dlopen("libavfilter.so." TEXT(LIBAVFILTER_VERSION_MAJOR), RTLD_LAZY | RTLD_LOCAL);
    return library ? dlsym(library, name) : NULL;
}

// A worker calls these some dozen times for each picture at most: looking the name up each time costs nothing beside the filter.
#define CALL(failure, name, ...) \
    __typeof__(name) *call = (__typeof__(name) *)function(#name); \
    return call ? call(__VA_ARGS__) : (failure)

unsigned avfilter_version(void) { CALL(0, avfilter_version); }
const AVFilter *avfilter_get_by_name(const char *name) { CALL(NULL, avfilter_get_by_name, name); }
AVFilterGraph *avfilter_graph_alloc(void) { CALL(NULL, avfilter_graph_alloc); }
AVFilterContext *avfilter_graph_alloc_filter(AVFilterGraph *graph, const AVFilter *filter, const char *name) {
    CALL(NULL, avfilter_graph_alloc_filter, graph, filter, name);
}
int avfilter_init_str(AVFilterContext *context, const char *arguments) {
    CALL(AVERROR_FILTER_NOT_FOUND, avfilter_init_str, context, arguments);
}
int avfilter_link(AVFilterContext *source, unsigned output, AVFilterContext *target, unsigned input) {
    CALL(AVERROR_FILTER_NOT_FOUND, avfilter_link, source, output, target, input);
}
int avfilter_graph_config(AVFilterGraph *graph, void *log) {
    CALL(AVERROR_FILTER_NOT_FOUND, avfilter_graph_config, graph, log);
}
int av_buffersrc_write_frame(AVFilterContext *source, const AVFrame *frame) {
    CALL(AVERROR_FILTER_NOT_FOUND, av_buffersrc_write_frame, source, frame);
}
int av_buffersrc_close(AVFilterContext *source, int64_t time, unsigned flags) {
    CALL(AVERROR_FILTER_NOT_FOUND, av_buffersrc_close, source, time, flags);
}
int av_buffersink_get_frame(AVFilterContext *sink, AVFrame *frame) {
    CALL(AVERROR_FILTER_NOT_FOUND, av_buffersink_get_frame, sink, frame);
}
void avfilter_graph_free(AVFilterGraph **graph) {
    __typeof__(avfilter_graph_free) *call = (__typeof__(avfilter_graph_free) *)function("avfilter_graph_free");
    if (call) call(graph);
}
