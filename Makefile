# SPDX-License-Identifier: Apache-2.0
# One non-recursive Makefile. Objects live in out/$(FLAVOUR)/, so flavours never mix.
# A module is a folder: its *.c but *main.c make one archive; a program is a main.c and archives.

FLAVOUR ?= release
OUT     := out/$(FLAVOUR)
BIN     := $(OUT)/bin
PREFIX  ?= /usr/local
DESTDIR ?=
CC      := gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
VERSION := 0.1.0
V       ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-5s %s\n' '$(1)' '$(2)'
else
Q :=
say = @:
endif

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.DEFAULT_GOAL := all

# ---- flags ------------------------------------------------------------------------------------
WARN   := -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wpointer-arith -Wwrite-strings -Wvla -Wundef -Wswitch-enum -Wcast-qual
WERROR ?= -Werror
CPPFLAGS := -D_GNU_SOURCE -I. -Isupervisor -Ipolicies -Itools -Itests -I$(OUT)/gen \
            -DBAILIFF_VERSION='"$(VERSION)"'
CFLAGS := -std=gnu17 -g $(WARN) $(WERROR) -include supervisor/base/banned.h -MMD -MP
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
          -ftrivial-auto-var-init=zero
LDFLAGS := -Wl,-z,relro,-z,now -Wl,--as-needed
CONVERSION := -Wconversion -Wsign-conversion

ifeq ($(FLAVOUR),release)
CFLAGS  += -O2 -D_FORTIFY_SOURCE=2 $(HARDEN)
LDFLAGS += -pie
else ifeq ($(FLAVOUR),debug)
CFLAGS  += -O0
else ifeq ($(FLAVOUR),asan)
CFLAGS  += -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(FLAVOUR),cov)
CFLAGS  += -O0 --coverage
LDFLAGS += --coverage
else ifeq ($(FLAVOUR),clang)
CC      := clang
CFLAGS  += -O2 -fPIE
LDFLAGS += -pie
else ifeq ($(FLAVOUR),fuzz)
CC      := clang
CFLAGS  += -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=fuzzer,address,undefined
else
$(error FLAVOUR is $(FLAVOUR); it must be release, debug, asan, cov, clang or fuzz)
endif
# bailiff-init is static, so it gets trapping UBSan where the others get ASan.
INIT_CFLAGS := $(filter-out -fsanitize=% -fno-sanitize-recover=all --coverage,$(CFLAGS))
ifeq ($(FLAVOUR),asan)
INIT_CFLAGS += -fsanitize=undefined -fsanitize-undefined-trap-on-error
endif

# ---- modules ----------------------------------------------------------------------------------
# In link order: a module may use those to its right.
MODULES := tools/cli supervisor/daemon supervisor/run supervisor/egress supervisor/watch supervisor/launch \
           supervisor/init supervisor/plan policies/compiler policies/decide ledger supervisor/base
STRICT_MODULES := supervisor/base supervisor/plan policies/decide policies/compiler ledger

sources  = $(filter-out %main.c,$(wildcard $(1)/*.c))
archive  = $(OUT)/lib/$(subst /,-,$(1)).a
archives = $(foreach m,$(1),$(call archive,$(m)))
objects  = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

BPF_SOURCES := $(wildcard bpf/*.bpf.c)
SKELETONS   := $(patsubst bpf/%.bpf.c,$(OUT)/gen/gen/%.skel.h,$(BPF_SOURCES))

PROGRAMS := bailiff bailiffd bailiff-init bailiff-agent bailiff-ledgerd bailiff-egress bailiff-records
main_bailiff         := tools/cli/main.c
main_bailiffd        := supervisor/daemon/main.c
main_bailiff-ledgerd := ledger/main.c
main_bailiff-egress  := supervisor/egress/main.c
main_bailiff-records := tools/cli/records_main.c
uses_bailiff         := tools/cli supervisor/plan policies/compiler policies/decide supervisor/base
uses_bailiffd        := supervisor/daemon supervisor/run supervisor/watch supervisor/launch \
                        supervisor/plan policies/decide ledger supervisor/base
uses_bailiff-ledgerd := ledger supervisor/base
uses_bailiff-egress  := supervisor/egress policies/decide supervisor/base
uses_bailiff-records := tools/cli supervisor/plan policies/compiler policies/decide ledger supervisor/base
# SHA-256 alone of libcrypto, static: relocating the whole takes longer than the rest of a launch's command line.
libs_bailiff         := -lfyaml -ljansson -lseccomp -l:libcrypto.a
libs_bailiffd        := -lbpf -lcap
libs_bailiff-ledgerd := -lsqlite3 -lcbor -lcrypto
libs_bailiff-records := -lfyaml -ljansson -lsqlite3 -lcbor -lcrypto
uses_init            := supervisor/init supervisor/plan policies/decide supervisor/base

.PHONY: all
all: $(PROGRAMS:%=$(BIN)/%) tests ## all programs, BPF objects and tests

define program
$(BIN)/$(1): $(call objects,$(main_$(1))) $(call archives,$(uses_$(1)))
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(libs_$(1))
endef
$(foreach p,$(filter-out bailiff-init bailiff-agent,$(PROGRAMS)),$(eval $(call program,$(p))))

# Objects of the static init are built apart: other flags, same sources.
INIT_SOURCES := supervisor/init/main.c $(foreach m,$(uses_init),$(call sources,$(m)))
INIT_OBJECTS := $(patsubst %.c,$(OUT)/init-obj/%.o,$(INIT_SOURCES))
$(OUT)/init-obj/%.o: %.c Makefile
	$(call say,CC,$< (init))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -fPIE,$(INIT_CFLAGS)) -c -o $@ $<
$(BIN)/bailiff-init: $(INIT_OBJECTS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -static -Wl,-z,relro,-z,now -Wl,--gc-sections $(if $(filter asan,$(FLAVOUR)),-fsanitize=undefined -fsanitize-undefined-trap-on-error) -o $@ $^ -lcap

# `bailiff agent` for the inside of sandboxes, where no library can be counted on. Static and small: hooks start it often.
AGENT_SOURCES := tools/cli/agent_main.c $(filter-out %_main.c,$(wildcard tools/cli/agent*.c)) \
                 $(patsubst %,tools/cli/%.c,begin options util) $(foreach m,policies/decide supervisor/base,$(call sources,$(m)))
AGENT_OBJECTS := $(patsubst %.c,$(OUT)/init-obj/%.o,$(AGENT_SOURCES))
$(BIN)/bailiff-agent: $(AGENT_OBJECTS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -static -Wl,-z,relro,-z,now -Wl,--gc-sections $(if $(filter asan,$(FLAVOUR)),-fsanitize=undefined -fsanitize-undefined-trap-on-error) -o $@ $^ -ljansson

define module
$(call archive,$(1)): $(call objects,$(call sources,$(1)))
	$$(call say,AR,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach m,$(MODULES) tests/lib,$(eval $(call module,$(m))))

$(foreach m,$(STRICT_MODULES),$(eval $(OUT)/obj/$(m)/%.o: CFLAGS += $(CONVERSION)))
$(OUT)/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# ---- BPF --------------------------------------------------------------------------------------
BPF_CFLAGS := -g -O2 -target bpf -D__TARGET_ARCH_x86 -mcpu=v3 -I. -Wall -Wextra -Werror \
              -Wno-unused-parameter -Wno-missing-declarations
$(OUT)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) Makefile
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@.tmp $<
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp
$(OUT)/gen/gen/%.skel.h: $(OUT)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@
$(call objects,$(wildcard supervisor/watch/*.c)): | $(SKELETONS)

-include Makefile.tests
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

.PHONY: clean help
clean: ## removes out/
	$(Q)rm -rf out
help: ## this list
	$(Q)awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
