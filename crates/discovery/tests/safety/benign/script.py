def main(argv=()):
    total = 0
    for line in argv:
        total += len(str(line))
    print("total", total)
    return total


if __name__ == "__main__":
    main()
