// SPDX-License-Identifier: Apache-2.0

// tlogcheck checks a Bailiff ledger with the libraries of the Go checksum database, which know nothing
// about Bailiff:
//
//	tlogcheck proof VKEY PROOF RECORD     a c2sp.org/tlog-proof@v1 and the record's bytes
//	tlogcheck tree VKEY LEAVES NOTE...    leaf hashes (32 bytes each) and signed checkpoints:
//	                                      every root, and that each tree contains the one before
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "tlogcheck: "+format+"\n", args...)
	os.Exit(1)
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		fail("%v", err)
	}
	return data
}

func parseHash(text string) tlog.Hash {
	var hash tlog.Hash
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(data) != len(hash) {
		fail("%q is no hash", text)
	}
	copy(hash[:], data)
	return hash
}

// checkpoint opens a signed note with the one key that is trusted.
func checkpoint(vkey string, msg []byte) (int64, tlog.Hash) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		fail("key: %v", err)
	}
	opened, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		fail("note: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		fail("the note is no checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("size: %v", err)
	}
	return size, parseHash(lines[2])
}

func checkProof(vkey, proofPath, recordPath string) {
	proof := read(proofPath)
	split := bytes.Index(proof, []byte("\n\n"))
	if split < 0 {
		fail("the proof has no checkpoint")
	}
	size, root := checkpoint(vkey, proof[split+2:])
	lines := strings.Split(string(proof[:split]), "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		fail("this is no tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		fail("index: %v", err)
	}
	var hashes tlog.RecordProof
	for _, line := range lines[2:] {
		hashes = append(hashes, parseHash(line))
	}
	if err := tlog.CheckRecord(hashes, size, root, index, tlog.RecordHash(read(recordPath))); err != nil {
		fail("record %d: %v", index, err)
	}
	fmt.Printf("record %d is in the tree of %d\n", index, size)
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(h)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		out[i] = h[index]
	}
	return out, nil
}

func checkTree(vkey, leavesPath string, notes []string) {
	var stored hashes
	leaves := read(leavesPath)
	for i := 0; i*tlog.HashSize < len(leaves); i++ {
		var leaf tlog.Hash
		copy(leaf[:], leaves[i*tlog.HashSize:])
		more, err := tlog.StoredHashesForRecordHash(int64(i), leaf, stored)
		if err != nil {
			fail("leaf %d: %v", i, err)
		}
		stored = append(stored, more...)
	}
	var oldSize int64
	var oldRoot tlog.Hash
	for _, path := range notes {
		size, root := checkpoint(vkey, read(path))
		computed, err := tlog.TreeHash(size, stored)
		if err != nil || computed != root {
			fail("%s: the root of %d records is another one (%v)", path, size, err)
		}
		if oldSize > 0 {
			proof, err := tlog.ProveTree(size, oldSize, stored)
			if err != nil {
				fail("%s: %v", path, err)
			}
			if err := tlog.CheckTree(proof, size, root, oldSize, oldRoot); err != nil {
				fail("%s does not contain the tree of %d: %v", path, oldSize, err)
			}
		}
		oldSize, oldRoot = size, root
	}
	fmt.Printf("%d checkpoints over %d records\n", len(notes), len(leaves)/tlog.HashSize)
}

func main() {
	if len(os.Args) == 5 && os.Args[1] == "proof" {
		checkProof(os.Args[2], os.Args[3], os.Args[4])
	} else if len(os.Args) >= 5 && os.Args[1] == "tree" {
		checkTree(os.Args[2], os.Args[3], os.Args[4:])
	} else {
		fail("usage: tlogcheck proof VKEY PROOF RECORD | tree VKEY LEAVES NOTE...")
	}
}
