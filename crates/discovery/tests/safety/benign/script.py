def main(argv=()):
    total = 0
    for input in argv:
        total += len(str(input))
    print("total", total)
    return total


if __name__ == "__main__":
    main()
