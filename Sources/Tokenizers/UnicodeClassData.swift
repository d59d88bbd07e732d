// Written by Tools/golden/unicode_classes.py; do not edit.

extension UnicodeClasses {
    /// Runs of equal class from U+0000 up, Unicode 16.0: a letter for the class, then the length in base 32 (nothing
    /// for 1).
    static let runs: StaticString = """
        a9i5aIiaFhAa7bQa6dQaAiaQia9fa7h2ada3hfah3abNab7dOad8bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbd\
        bdbdbdbdbdbd2bdbdbdbdbdbdbdbd2bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdb2dbdbd3b2dbdb2db3d2\
        b4db2db3d3b2db2dbdbdb2dbd2bdb2db3dbdb2d2fbd3f4bcdbcdbcdbdbdbdbdbdbdbdbd2bdbdbdbdbdbdbdbdbd2bcdbd\
        b3dbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbd7b2db2d2bdb4dbdbdbdbd25fdReIa4eCaE\
        e5a7eaeaHg3Gbdbdeabda2ed3aba6bab3abab2dbHab9d13bd2b3d3bdbdbdbdbdbdbdbdbdbdbdbd5bdabdb2d2b1Jd1Gbd\
        bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdag7bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdb2dbdbd\
        bdbdbdbd2bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdb\
        dbdbdbdbdab16a2ea6d19a8g1Dagag2ag2aga8fRa4f4aTgBa5f10efAgLhAa4f2gf33afg7a2g6e2g2ag4f2hAf3a2faGfg\
        fUgRa2f2PgBfaEhAf11g9e2a4ea2ga2fMg4eg9eg3eg5aIfPg3a4fBa5fOaf6a8g9f19egOag11f1Mg3fgIfg7fAg2a2hAae\
        fFg3af8a2f2a2fMaf7afa3f4a2gfg7a2g2a2g3fa8ga4f2af3g2a2hAf2a2h6a2faga2g3af6a4f2a2fMaf7af2af2af2a2g\
        ag5a4g2a2g3a3ga7f4afa7hAg2f3gaBg3af9af3afMaf7af2af5a2gfg8ag3ag3a2faFf2g2a2hAa9fg6ag3af8a2f2a2fMa\
        f7af2af5a2gfg7a2g2a2g3a7g3a4f2af3g2a2hAafh6aAgfaf6a3f3af4a3f2afaf2a3f2a3f3a3fCa4g5a3g3ag4a2fa6g\
        aEhDaDg5f8af3afNafGa2gfg7ag3ag4a7g2af3a2fa2f2g2a2hAa8h7afg3af8af3afNafAaf5a2gfg7ag3ag4a7g2a6f2a\
        f2g2a2hAaf2gaCg4f9af3af19g2fg7ag3ag4fa5f3gh7f3g2a2hJaf6ag3afIa3fOaf9afa2f7a3ga4g6agag8a6hAa2g2aD\
        f1Ggf2g7a5f6eg8ahAa17f2afaf5afOafafAgf2g9fa2f5aeag7ahAa2f4a10faNg2a6hKagagaga4g2f8af14a4gKag2f5\
        gBag14a9ga1Pf1BgKfhAa6f6g4f4g3fg3f2g7f3g4fDgCfghAg4a2b16aba5ba2d1Baed3fA9af4a2f7afaf4a2f19af4a2\
        f11af4a2f7afaf4a2fFaf1Paf4a2f23a2g3a9hKa3fGaGb2Ma2d6a3fJCa2fHifQa5f2Ba3h3f8a7fIg4a9fJg3aBfIg2aC\
        fDaf3ag2aCf1Kg10a3ea4fga2hAa6hAaHg3aghAa6f13ef1La7f5g2f12gfa5f26aAfVagCa4gCaAhAfUa2f5aBf1Ca4fQa6\
        hBa15fNg5a4f1LgAagTa2ghAa6hAaDea8gVa1Hg5f1FgHf8a3hAaHg9aCg3fUgDf2hAf1CgEaCf14gKa8hAa3f3hAfUe6a2\
        d9bda5b1Ba2b3aGg3agLf4gf6gf2g3fa5d1Ce1VdDed12e15g20bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdb\
        dbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdb\
        dbdbdbdbd9bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbd\
        bdbdbdbdbdbd9b8d6a2b6a2d8b8d8b8d6a2b6a2d8ababababd8b8dEa2d8c8d8c8d8c8d5ad2b4cada3d3ad2b4ca3d4a2\
        d2b4a4d8b5a5d3ad2b4ca3iBaTi2a5ia1FiaGhea2h6a5ehAa6eDa1Jg11aHba4ba2db3d2b3daba3b5a6bababab4adb4d\
        f4da2d2b2a5bd4a4dah1Jbdh5aMMh1Sa2EhMaJMhUa13Cb1Gd1Gbdb3d2bdbdbdb4dbd2bd6e2b3dbdbdbdbdbdbdbdbdbdb\
        dbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbd2a6bdbdg3bda9ha2\
        d16ada5da2f1Oa7eaFgfNa9f7af7af7af7af7af7af7af7ag10a1FeaEGia4efhaPh9g6ae5a2h3efa4f2Ma2g2a2e2faf2Q\
        ae3fa5f1Baf2Ua3h4aAf10a1GfGa10hAaUh8ahFa10hAa17hFaA0f6E0a20fKGLef13Na23f18e6a2f8Cea3fGhAf2aKbdbd\
        bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdfg4agAaebdbdbdbdbdbdbdbdbdbdbdbdbdbde2g2f26hAg2a15e9a2\
        bdbdbdbdbdbdbd3bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbded8bdbdb2dbdbdbdbde\
        a2bdbdfbdbd3bdbdbdbdbdbdbdbdbdbdb5db5dbdbdbdbdbdbdbdb4dbdb2da2bdadadbdbdbdbaLe3bdfe2df7gf3gf4gfN\
        g5a4ga3h6aAf1KaCg2f1IgIaAhAa6gIf6a3faf2ghAfSg8a2fNgDaCfTa3g4f1FgEaEehAa6f5gef9hAf5af19gEa9f3gf8\
        g2a2hAa6fGef6a3fg3f1Igfg3f2g2f5g2fgfaOf2ea2fBg5a2fe2g2aAf6a2f6a2f6a9f7af7ad1Bae4d9ea6d2Gf13g8ag2\
        a2hAa6fAT4aCfNa4f1Ha884fBEa2f3Aa16d7aCd5a5fgfAafDaf5afaf2af2af3Ca11fBBaIf20a2f1Ma18fCa4gGaGgGa20\
        f5af47aJhAa7bQa6dQaBfAef1De2fVa3f6a2f6a2f6a2f3a13fCafQafJaf2afFa2fEa12f3RaCh1DaCh1PaHh2a3Hga42fT\
        a3f1HaFghRa4f10h4a9fKhf8ha5f16g5a5fUa2f14a4f8ah5a1Ab18d18f2Ea2hAa6b14a4d14a4f18a8f1KaCbBabFab7a\
        b2adBadFad7ad2a3f1KaCf9Na9fMaAf8aOe6ae1Aae9a25f6a2faf1Caf2a3fa2fNa2h8fNa2h7fVa8h9a1GfJaf2a5h5fM\
        h6a4fQa26f1Oa4h2f2hGa2h1Efg3ag2a5g4f4af3afTa2g3a4gh9aNfTh2afTh3a10f8afSg2a4h5aGf1MaAfMa2h8fJa5h8\
        fIaNh7a2Gf29a1Nb1JaDd1Ja7h6f14g4a8hAa6hAf4efbMa3g5aedMa6QhVaf1Aag2a3f2aGf3a1Ng4fThAfa8fMgBh4aRfI\
        g4a1AfLh7aKfNa9g3f1LgFaBhUgf2g2fa9g4f1DgBa7gaDfPa7hAa6g3f14gEahAa4fg2fa8f13ga2fa9g3f1GgEf4a4g4a\
        g2hAfafa4hKaBfIafPgCa6gf2ga1Uf7afaf4afFafAa7f1FgCa5hAa6g4af8a2f2a2fMaf7af2af5ag2fg7a2g2a2g3a2fa6\
        ga5f5g2a2g7a3g5aBfAafa2faf16afg9aga2gag4ag5fgfaDg2aTf1LgIf4a5hAa4gf3aUf1GgKf2afa8hAa56f1Fg7a2g9\
        aNf4g2a12f1GgHa3faBhAa16f1BgDfa7hAa6hKaSfRa2gFa4hCa4f7a5Pf1CgFa35b10d10hJaCf8a2fa2f8af2afOg6ag2\
        a2g4fgfg2aChAa26f8a2f17g7a2g7fafgaRfgAf18g7fg4a8ga8fgBf1EgGa3faIf29a67f11aFhAa6f9af15g8ag8faFhT\
        a5fUa2gMagEa29f7af2af16g6a3gag2ag7fga8hAa6f6af2af10g5ag2ag5fa7hAa9MfJg4a9g2fgfDaf12g7a3g5aDhAg\
        a2LfaFhLa1BfSQa36h3FaHf64a2ICf31aFf11GaGgf6gFaAf3SRa5fI7a6LPfUgIhAa1M6fHPa7fVahAa6f2FahAa6fUa2g5\
        aBf1Gg7a9e4aChAah7afLa5fJaDGe3f18e2a3hAa66b10d10hNa39f2Ba4gfg1Na7g4eDa20e2aegaBg2aEf5VOa8f16Ma19\
        fAa8N7e4ae7ae2af93aFfaTf3a2faEf4a8fCCa284f3Ba5fDa3f9a7fAa3g2a42HhAaG6g1Ea2gNaGUg5a3g6a8g8a2g7aU\
        g4a4Kg3a3RhKaChKa3ChPa47bQdQbQd7adIbQdQbab2a2ba2b2a2b4ab8d4adad7adBbQdQb2ab4a2b8ab7adQb2ab4ab5ab\
        a3b7adQbQdQbQdQbQdQbQdQbQdQbQdSa2bPadPad6bPadPad6bPadPad6bPadPad6bPadPad6bda2h1IaG0g1Na4g1Ia8gaE\
        gaMg5agFa12GdAfdKa6d6a6Lg7agHa2g7ag2ag5a5e1Ua11ga3Gf1Da3g7e7a2hAa4faA1fUgaHf1Cg4hAaEMfReg4hAa6M\
        fUg2fhAaF5f7af4af2afFaf65a2h9g7a19b12d12g7ea4hAaONh1Rah3ah4a2Ch1DahFa62f4afRaf2afa2fafAaf4afafa6\
        fa4fafafaf3af2afa2fafafafafaf2afa2f4af7af4af4afafAafHa5f3af5afHaI4hDa2N3hAa106f19N0a10f41Qa6f6U\
        a2f5K2aEf79HaFfJEa2D2fGUa1F2f4QBa5f430aLNAGg7Ga5VGG
        """
}
