// Verify a checkpoint and the lines under it with the Go project's own note and tlog packages.
// log <checkpoint> <verifier key> <history.jsonl>; exit code 1 when it is refused.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func refuse(why interface{}) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func main() {
	checkpoint, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		panic(err)
	}
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		refuse(err)
	}
	parts := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		refuse(err)
	}
	history, err := os.ReadFile(os.Args[3])
	if err != nil {
		panic(err)
	}
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	})
	lines := bufio.NewScanner(bytes.NewReader(history))
	lines.Buffer(nil, 1<<20)
	count := int64(0)
	for lines.Scan() {
		more, err := tlog.StoredHashes(count, lines.Bytes(), reader)
		if err != nil {
			panic(err)
		}
		hashes = append(hashes, more...)
		count++
	}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		refuse(err)
	}
	if count != size || base64.StdEncoding.EncodeToString(root[:]) != parts[2] {
		refuse("the lines do not have the signed root")
	}
}
