# SPDX-License-Identifier: BSD-2-Clause
BASE_OBJS := $(BUILD)/mpip/base/jsonfile.o
