#pragma once
#include <libavformat/avformat.h>
#include <libavcodec/avcodec.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libavutil/version.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

// What Swift does not import: macros that are no plain numbers, and variadic functions.
static const int64_t lineup_av_nopts_value = AV_NOPTS_VALUE;
static const int lineup_averror_eof = AVERROR_EOF;
static const int lineup_averror_eagain = AVERROR(EAGAIN);
static const int lineup_averror_enomem = AVERROR(ENOMEM);
static const int lineup_averror_filter_not_found = AVERROR_FILTER_NOT_FOUND;
static const int lineup_averror_encoder_not_found = AVERROR_ENCODER_NOT_FOUND;
static const int lineup_averror_muxer_not_found = AVERROR_MUXER_NOT_FOUND;
static const int lineup_averror_bug = AVERROR_BUG;

static const uint32_t lineup_libavformat_version = LIBAVFORMAT_VERSION_INT;
static const uint32_t lineup_libavcodec_version = LIBAVCODEC_VERSION_INT;
static const uint32_t lineup_libavfilter_version = LIBAVFILTER_VERSION_INT;
